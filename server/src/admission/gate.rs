use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use governor::{Quota, RateLimiter, clock::Clock, state::keyed::DashMapStateStore};

use super::{AddressKey, Admission, AdmissionStats};
use crate::Limit;

/// Lets sessions in as long as there is room, for all threads together.
pub(crate) struct Gate {
    config: Admission,
    sessions: AtomicUsize,
    unauthenticated: AtomicUsize,
    addresses: Addresses,
    rate: Option<Rate>,
}

impl Gate {
    pub(crate) fn new(config: Admission) -> Self {
        let rate = config.rate.map(|(per_second, burst)| {
            let quota = Quota::per_second(per_second).allow_burst(burst);
            Rate::new(quota)
        });
        Self {
            config,
            sessions: AtomicUsize::new(0),
            unauthenticated: AtomicUsize::new(0),
            addresses: Addresses::default(),
            rate,
        }
    }

    /// Lets one more session in, or names the limit that doesn't. There is no permit to hold where
    /// nothing is limited.
    ///
    /// A client without an address, as behind a Unix socket, is limited only by what holds for all.
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: Option<IpAddr>,
    ) -> Result<Option<Box<Permit>>, Limit> {
        let address = address.map(AddressKey::from);
        if let (Some(rate), Some(address)) = (&self.rate, address) {
            rate.check(address)?;
        }
        if !self.config.limits_sessions() {
            return Ok(None);
        }
        take(&self.sessions, self.config.sessions).ok_or(Limit::Sessions)?;
        // From here on, whatever was taken is given back when this is dropped.
        let mut permit = Box::new(Permit {
            gate: self.clone(),
            address: None,
            unauthenticated: false,
        });
        take(&self.unauthenticated, self.config.unauthenticated).ok_or(Limit::Unauthenticated)?;
        permit.unauthenticated = true;
        if let Some(address) = address.filter(|_| self.config.counts_addresses()) {
            self.addresses.take(address, &self.config)?;
            permit.address = Some(address);
        }
        Ok(Some(permit))
    }

    pub(crate) fn stats(&self) -> AdmissionStats {
        AdmissionStats {
            sessions: self.sessions.load(Ordering::Relaxed),
            unauthenticated: self.unauthenticated.load(Ordering::Relaxed),
            addresses: self.addresses.len(),
            rated_addresses: self.rate.as_ref().map_or(0, |rate| rate.limiter.len()),
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("config", &self.config)
            .field("stats", &self.stats())
            .finish()
    }
}

/// Adds one unless there are as many as there may be.
fn take(count: &AtomicUsize, max: Option<usize>) -> Option<usize> {
    let max = max.unwrap_or(usize::MAX);
    let more = |count: usize| (count < max).then(|| count.saturating_add(1));
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .ok()
}

/// The place of a session, which is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    gate: Arc<Gate>,
    address: Option<AddressKey>,
    unauthenticated: bool,
}

impl Permit {
    /// Notes that the session's client has authenticated itself.
    pub(crate) fn authenticated(&mut self) {
        if std::mem::take(&mut self.unauthenticated) {
            self.gate.unauthenticated.fetch_sub(1, Ordering::Relaxed);
            if let Some(address) = self.address {
                self.gate.addresses.authenticated(address);
            }
        }
    }

    /// Notes that the session's client counts as a stranger again. It stays, even if there are too many.
    pub(crate) fn unauthenticated(&mut self) {
        if !std::mem::replace(&mut self.unauthenticated, true) {
            self.gate.unauthenticated.fetch_add(1, Ordering::Relaxed);
            if let Some(address) = self.address {
                self.gate.addresses.unauthenticated(address);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.authenticated();
        self.gate.sessions.fetch_sub(1, Ordering::Relaxed);
        if let Some(address) = self.address {
            self.gate.addresses.give_back(address);
        }
    }
}

/// How many sessions each address has. An address that has none is not in it.
struct Addresses {
    hasher: RandomState,
    shards: [Mutex<HashMap<AddressKey, Tally>>; SHARDS],
}

#[derive(Default)]
struct Tally {
    sessions: usize,
    unauthenticated: usize,
}

impl Addresses {
    fn take(&self, address: AddressKey, config: &Admission) -> Result<(), Limit> {
        let mut shard = self.shard(&address);
        let tally = shard.get(&address);
        let sessions = tally.map_or(0, |tally| tally.sessions);
        let unauthenticated = tally.map_or(0, |tally| tally.unauthenticated);
        if config
            .sessions_per_address
            .is_some_and(|max| sessions >= max)
        {
            return Err(Limit::SessionsPerAddress);
        }
        if config
            .unauthenticated_per_address
            .is_some_and(|max| unauthenticated >= max)
        {
            return Err(Limit::UnauthenticatedPerAddress);
        }
        let tally = shard.entry(address).or_default();
        tally.sessions += 1;
        tally.unauthenticated += 1;
        Ok(())
    }

    fn authenticated(&self, address: AddressKey) {
        if let Some(tally) = self.shard(&address).get_mut(&address) {
            tally.unauthenticated -= 1;
        }
    }

    fn unauthenticated(&self, address: AddressKey) {
        if let Some(tally) = self.shard(&address).get_mut(&address) {
            tally.unauthenticated += 1;
        }
    }

    fn give_back(&self, address: AddressKey) {
        let mut shard = self.shard(&address);
        let Some(tally) = shard.get_mut(&address) else {
            return;
        };
        tally.sessions -= 1;
        if tally.sessions == 0 {
            shard.remove(&address);
        }
        if shard.is_empty() {
            // A crowd that has gone leaves no memory behind.
            *shard = HashMap::new();
        }
    }

    fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, address: &AddressKey) -> MutexGuard<'_, HashMap<AddressKey, Tally>> {
        lock(&self.shards[self.hasher.hash_one(address) as usize % SHARDS])
    }
}

impl Default for Addresses {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often each address asks.
struct Rate {
    limiter: RateLimiter<AddressKey, DashMapStateStore<AddressKey>, RuntimeClock>,
    /// How many addresses there may be before those are forgotten that have not asked lately.
    sweep_at: AtomicUsize,
}

impl Rate {
    fn new(quota: Quota) -> Self {
        Self {
            limiter: RateLimiter::new(quota, DashMapStateStore::default(), RuntimeClock),
            sweep_at: AtomicUsize::new(SMALLEST_SWEEP),
        }
    }

    fn check(&self, address: AddressKey) -> Result<(), Limit> {
        self.sweep();
        self.limiter
            .check_key(&address)
            .map_err(|_| Limit::HandshakeRate)
    }

    /// Keeps the addresses at no more than twice those that have asked lately.
    fn sweep(&self) {
        let at = self.sweep_at.load(Ordering::Relaxed);
        if self.limiter.len() < at {
            return;
        }
        // One thread sweeps; the others go on meanwhile.
        let sweeping =
            self.sweep_at
                .compare_exchange(at, usize::MAX, Ordering::Relaxed, Ordering::Relaxed);
        if sweeping.is_ok() {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            let next = SMALLEST_SWEEP.max(self.limiter.len().saturating_mul(2));
            self.sweep_at.store(next, Ordering::Relaxed);
        }
    }
}

/// The clock of the runtime, so that tests can stop it.
#[derive(Clone)]
struct RuntimeClock;

impl Clock for RuntimeClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        sockeye_router::now()
    }
}

const SHARDS: usize = 16;

/// Fewer addresses than this are not worth forgetting.
const SMALLEST_SWEEP: usize = 1024;

#[cfg(test)]
mod tests;
