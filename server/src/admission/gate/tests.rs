use std::time::Duration;

use super::*;

fn gate(config: Admission) -> Arc<Gate> {
    Arc::new(Gate::new(config))
}

fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::from([192, 0, 2, last]))
}

/// Opens sessions until one is refused.
fn fill(gate: &Arc<Gate>, from: Option<IpAddr>) -> (Vec<Option<Box<Permit>>>, Limit) {
    let mut permits = Vec::new();
    loop {
        match gate.admit(from) {
            Ok(permit) => permits.push(permit),
            Err(limit) => return (permits, limit),
        }
        assert!(permits.len() < 1000);
    }
}

#[test]
fn nothing_is_limited_and_nothing_kept_unless_it_is_said() {
    let gate = gate(Admission::default());

    let permits: Vec<_> = (0..100).map(|_| gate.admit(address(1))).collect();

    assert!(permits.iter().all(|permit| matches!(permit, Ok(None))));
    assert_eq!(gate.stats(), AdmissionStats::default());
}

#[test]
fn sessions_are_limited_and_a_place_is_free_again_when_one_goes() {
    let gate = gate(Admission::default().max_sessions(3));

    let (mut permits, limit) = fill(&gate, None);
    assert_eq!((permits.len(), limit), (3, Limit::Sessions));

    permits.pop();
    let (more, _) = fill(&gate, None);
    assert_eq!(more.len(), 1);
    drop((permits, more));
    assert_eq!(gate.stats(), AdmissionStats::default());
}

#[test]
fn the_rest_is_reserved_for_those_who_authenticate() {
    let gate = gate(Admission::default().max_sessions(5).max_unauthenticated(2));
    let mut inside = Vec::new();

    for _ in 0..5 {
        let mut permit = gate.admit(address(1)).unwrap().unwrap();
        permit.authenticated();
        permit.authenticated();
        inside.push(permit);
    }
    assert_eq!(gate.admit(address(2)).unwrap_err(), Limit::Sessions);
    inside.truncate(2);
    let (strangers, limit) = fill(&gate, address(2));

    assert_eq!((strangers.len(), limit), (2, Limit::Unauthenticated));
    assert_eq!(gate.stats().sessions, 4);
    drop((strangers, inside));
    assert_eq!(gate.stats(), AdmissionStats::default());
}

#[test]
fn an_address_is_limited_alone_and_forgotten_with_its_last_session() {
    let config = Admission::default().max_sessions_per_address(4);
    let gate = gate(config.max_unauthenticated_per_address(2));

    let (mut first, limit) = fill(&gate, address(1));
    assert_eq!((first.len(), limit), (2, Limit::UnauthenticatedPerAddress));
    for permit in first.iter_mut().flatten() {
        permit.authenticated();
        permit.unauthenticated();
        permit.unauthenticated();
    }
    assert_eq!(gate.stats().unauthenticated, 2);
    let refused = gate.admit(address(1)).unwrap_err();
    assert_eq!(refused, Limit::UnauthenticatedPerAddress);
    for permit in first.iter_mut().flatten() {
        permit.authenticated();
    }
    let (more, limit) = fill(&gate, address(1));
    assert_eq!((more.len(), limit), (2, Limit::SessionsPerAddress));
    let (other, _) = fill(&gate, address(2));

    assert_eq!(other.len(), 2);
    assert_eq!(gate.stats().addresses, 2);
    drop((first, more, other));
    assert_eq!(gate.stats(), AdmissionStats::default());
}

#[test]
fn a_refusal_takes_nothing() {
    let config = Admission::default().max_sessions(10);
    let gate = gate(config.max_unauthenticated(5).max_sessions_per_address(1));
    let _inside = gate.admit(address(1)).unwrap();
    let before = gate.stats();

    for _ in 0..100 {
        assert_eq!(
            gate.admit(address(1)).unwrap_err(),
            Limit::SessionsPerAddress
        );
    }

    assert_eq!(gate.stats(), before);
}

#[tokio::test(start_paused = true)]
async fn handshakes_are_limited_by_burst_then_by_rate_for_each_address() {
    let gate = gate(Admission::default().handshake_rate(10, 5));

    let (at_once, limit) = fill(&gate, address(1));
    assert_eq!((at_once.len(), limit), (5, Limit::HandshakeRate));
    assert!(gate.admit(address(2)).is_ok());
    tokio::time::advance(Duration::from_millis(99)).await;
    assert!(gate.admit(address(1)).is_err());
    tokio::time::advance(Duration::from_millis(1)).await;
    let (later, _) = fill(&gate, address(1));

    assert_eq!(later.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn addresses_that_have_not_asked_lately_are_forgotten() {
    let gate = gate(Admission::default().handshake_rate(10, 5));

    for network in 0..20 * SMALLEST_SWEEP as u32 {
        let address =
            IpAddr::from((0x2001_0db8_u128 << 96 | u128::from(network) << 64).to_be_bytes());
        gate.admit(Some(address)).unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
    }

    assert!(gate.stats().rated_addresses <= SMALLEST_SWEEP);
}
