use std::time::Duration;

use serde_json::json;

use super::*;
use crate::standalone::Secret;

const NOW: u64 = 1_800_000_000;

const SECRET: &str = "an HS256 secret of more than 32 bytes";

fn settings() -> JwtSettings {
    JwtSettings::new(Secret::new(SECRET))
}

fn members(json: Value) -> Map<String, Value> {
    let Value::Object(members) = json else {
        panic!("{json} is an object");
    };
    members
}

/// Good claims with those of `more` over them; a claim that is `"ABSENT"` there is left out.
fn claims(more: Value) -> Map<String, Value> {
    let mut claims = members(json!({"sub": "42", "exp": NOW + 60}));
    claims.extend(members(more));
    claims.retain(|_, value| *value != "ABSENT");
    claims
}

fn verify_with(settings: &JwtSettings, more: Value) -> Result<Claims, JwtError> {
    let token = sign(settings, &claims(more)).unwrap();
    JwtVerifier::new(settings).unwrap().verify(&token, NOW)
}

fn verify(more: Value) -> Result<Claims, JwtError> {
    verify_with(&settings(), more)
}

fn verify_text(token: &str) -> Result<Claims, JwtError> {
    JwtVerifier::new(&settings()).unwrap().verify(token, NOW)
}

/// A token of these very texts, with a signature that fits.
fn forge(header: &str, payload: &str) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header),
        URL_SAFE_NO_PAD.encode(payload)
    );
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn payload() -> String {
    Value::Object(claims(json!({}))).to_string()
}

#[test]
fn good_token_gives_its_claims() {
    let claims =
        verify(json!({"role": "admin", "aud": ["a", "b"], "iss": "me", "jti": "1"})).unwrap();

    assert_eq!(claims.subject.as_deref(), Some("42"));
    assert_eq!(claims.expires_at, NOW + 60);
    assert_eq!(claims.all["role"], "admin");
}

#[test]
fn token_needs_no_subject() {
    assert_eq!(verify(json!({"sub": "ABSENT"})).unwrap().subject, None);
}

#[test]
fn claims_of_the_wrong_type_are_refused_and_not_absent() {
    let not_times = [
        json!("1900000000"),
        json!(1.9e9),
        json!(1_900_000_000.5),
        json!(-1),
        json!(1e30),
        json!(null),
        json!([1_900_000_000]),
        json!({}),
        json!(true),
    ];
    let not_texts = [
        json!(1),
        json!(null),
        json!(["a"]),
        json!({"a": 1}),
        json!(true),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &not_times {
            assert_eq!(
                verify(json!({name: value})),
                Err(JwtError::Claim(name)),
                "{name} {value}"
            );
        }
    }
    for name in ["sub", "iss", "jti"] {
        for value in &not_texts {
            assert_eq!(
                verify(json!({name: value})),
                Err(JwtError::Claim(name)),
                "{name} {value}"
            );
        }
    }
    for value in [
        json!(1),
        json!(null),
        json!({"a": 1}),
        json!(true),
        json!(["a", 1]),
    ] {
        assert_eq!(
            verify(json!({"aud": value})),
            Err(JwtError::Claim("aud")),
            "{value}"
        );
    }
}

#[test]
fn expiry_is_required() {
    assert_eq!(
        verify(json!({"exp": "ABSENT"})),
        Err(JwtError::Claim("exp"))
    );
}

#[test]
fn subject_must_not_be_empty() {
    assert_eq!(verify(json!({"sub": ""})), Err(JwtError::Claim("sub")));
}

#[test]
fn times_hold_to_the_second() {
    for (more, outcome) in [
        (json!({"exp": NOW + 1}), None),
        (json!({"exp": NOW}), Some(JwtError::Expired)),
        (json!({"exp": 0}), Some(JwtError::Expired)),
        (json!({"exp": u64::MAX}), None),
        (json!({"nbf": NOW}), None),
        (json!({"nbf": NOW + 1}), Some(JwtError::NotYetValid)),
        (json!({"nbf": u64::MAX}), Some(JwtError::NotYetValid)),
        (json!({"iat": NOW + 1000}), None),
    ] {
        assert_eq!(verify(more.clone()).err(), outcome, "{more}");
    }
}

#[test]
fn leeway_widens_the_times_to_the_second() {
    let mut settings = settings();
    settings.leeway = Duration::from_secs(5);
    for (more, outcome) in [
        (json!({"exp": NOW - 4}), None),
        (json!({"exp": NOW - 5}), Some(JwtError::Expired)),
        (json!({"exp": u64::MAX}), None),
        (json!({"nbf": NOW + 5}), None),
        (json!({"nbf": NOW + 6}), Some(JwtError::NotYetValid)),
    ] {
        assert_eq!(
            verify_with(&settings, more.clone()).err(),
            outcome,
            "{more}"
        );
    }

    assert_eq!(
        verify_with(&settings, json!({})).unwrap().expires_at,
        NOW + 65
    );
}

#[test]
fn issuer_and_audience_hold_when_configured() {
    let mut settings = settings();
    settings.issuer = Some("https://me".to_owned());
    settings.audience = Some("app".to_owned());
    for (iss, aud, outcome) in [
        (json!("https://me"), json!("app"), None),
        (json!("https://me"), json!(["other", "app"]), None),
        (
            json!("https://me/"),
            json!("app"),
            Some(JwtError::Claim("iss")),
        ),
        (
            json!("HTTPS://me"),
            json!("app"),
            Some(JwtError::Claim("iss")),
        ),
        (json!("ABSENT"), json!("app"), Some(JwtError::Claim("iss"))),
        (
            json!("https://me"),
            json!("other"),
            Some(JwtError::Claim("aud")),
        ),
        (json!("https://me"), json!([]), Some(JwtError::Claim("aud"))),
        (
            json!("https://me"),
            json!(["app", 1]),
            Some(JwtError::Claim("aud")),
        ),
        (
            json!("https://me"),
            json!("ABSENT"),
            Some(JwtError::Claim("aud")),
        ),
    ] {
        let outcome_found = verify_with(&settings, json!({"iss": iss, "aud": aud})).err();

        assert_eq!(outcome_found, outcome, "{iss} {aud}");
    }
}

#[test]
fn forging_makes_tokens_that_only_differ_as_told() {
    assert!(verify_text(&forge(r#"{"alg":"HS256"}"#, &payload())).is_ok());
    assert!(
        verify_text(&forge(
            r#"{"alg":"HS256","typ":"at+jwt","kid":"1"}"#,
            &payload()
        ))
        .is_ok()
    );
}

#[test]
fn algorithm_is_never_the_tokens_choice() {
    for alg in [
        r#""none""#,
        r#""None""#,
        r#""nOnE""#,
        r#""""#,
        r#""hs256""#,
        r#""HS384""#,
        r#""HS512""#,
        r#""RS256""#,
        r#""ES256""#,
        r#""EdDSA""#,
        r#""PS256""#,
        "null",
        "0",
        r#"["HS256"]"#,
        r#"{"HS256":1}"#,
    ] {
        let token = forge(&format!(r#"{{"alg":{alg}}}"#), &payload());
        let unsigned = &token[..=token.rfind('.').unwrap()];

        assert_eq!(verify_text(&token), Err(JwtError::Header("alg")), "{alg}");
        assert_eq!(verify_text(unsigned), Err(JwtError::Header("alg")), "{alg}");
    }
    assert_eq!(
        verify_text(&forge("{}", &payload())),
        Err(JwtError::Header("alg"))
    );
}

#[test]
fn headers_that_change_the_meaning_are_refused() {
    for (header, name) in [
        (r#""crit":["exp"]"#, "crit"),
        (r#""crit":[]"#, "crit"),
        (r#""crit":null"#, "crit"),
        (r#""crit":7"#, "crit"),
        (r#""crit":["b64"],"b64":false"#, "crit"),
        (r#""b64":false"#, "b64"),
        (r#""b64":true"#, "b64"),
        (r#""enc":"A128GCM""#, "enc"),
        (r#""zip":"DEF""#, "zip"),
    ] {
        let token = forge(&format!(r#"{{"alg":"HS256",{header}}}"#), &payload());

        assert_eq!(verify_text(&token), Err(JwtError::Header(name)), "{header}");
    }
}

#[test]
fn keys_that_the_header_names_are_not_used() {
    for header in [
        r#""kid":"../../dev/null""#,
        r#""kid":"' OR 1=1""#,
        r#""jku":"https://attacker.example/keys""#,
        r#""x5u":"file:keys.pem""#,
        r#""jwk":{"kty":"oct","k":"AAAA"}"#,
    ] {
        let header = format!(r#"{{"alg":"HS256",{header}}}"#);
        let other = JwtSettings::new(Secret::new("another secret of more than 32 bytes"));

        // Signed with our secret it is our token, whatever else it says, and with no other.
        assert!(verify_text(&forge(&header, &payload())).is_ok(), "{header}");
        let verdict = JwtVerifier::new(&other)
            .unwrap()
            .verify(&forge(&header, &payload()), NOW);
        assert_eq!(verdict, Err(JwtError::Signature), "{header}");
    }
}

#[test]
fn other_keys_and_altered_parts_fail_the_signature() {
    let good = sign(&settings(), &claims(json!({}))).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let admin = URL_SAFE_NO_PAD.encode(Value::Object(claims(json!({"role": "admin"}))).to_string());

    // A public key, which anybody has, signs nothing here: the key is the settings'.
    let pem = JwtSettings::new(Secret::new(
        "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n",
    ));
    let signed_with_pem = sign(&pem, &claims(json!({}))).unwrap();
    for token in [
        signed_with_pem,
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.AAAA", parts[0], parts[1]),
    ] {
        assert_eq!(verify_text(&token), Err(JwtError::Signature), "{token}");
    }
}

#[test]
fn what_is_not_a_token_is_malformed() {
    let good = sign(&settings(), &claims(json!({}))).unwrap();
    let parts: Vec<&str> = good.split('.').collect();
    let (header, body, signature) = (parts[0], parts[1], parts[2]);
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "\0".to_owned(),
        format!("{header}.{body}"),
        format!("{good}."),
        format!("{good}.{body}.{signature}"),
        format!("{good}="),
        format!("{good}\n"),
        format!(" {good}"),
        format!("{good}\0"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}+/.{body}.{signature}"),
        format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode("[]")),
        format!(
            "{}.{body}.{signature}",
            URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"} x"#)
        ),
        forge(r#"{"alg":"none","alg":"HS256"}"#, &payload()),
        forge(
            r#"{"alg":"HS256"}"#,
            r#"{"exp":1900000000,"sub":"1","sub":"2"}"#,
        ),
        forge(r#"{"alg":"HS256"}"#, "[]"),
        forge(r#"{"alg":"HS256"}"#, "not JSON"),
        forge(r#"{"alg":"HS256"}"#, "\u{0}"),
        forge(
            r#"{"alg":"HS256"}"#,
            &format!(r#"{{"exp":1900000000,"a":{deep}}}"#),
        ),
        forge(&format!(r#"{{"alg":"HS256","a":{deep}}}"#), &payload()),
    ] {
        assert_eq!(verify_text(&token), Err(JwtError::Malformed), "{token}");
    }
}

#[test]
fn length_is_bounded() {
    let token =
        |filler: usize| sign(&settings(), &claims(json!({"a": "x".repeat(filler)}))).unwrap();
    let longest = (0..)
        .map(|less| token(6200 - less))
        .find(|token| token.len() <= MAX_TOKEN)
        .unwrap();

    assert!(longest.len() > MAX_TOKEN - 4);
    assert!(verify_text(&longest).is_ok());
    assert_eq!(verify_text(&token(6200)), Err(JwtError::Malformed));
    assert_eq!(
        verify_text(&"a".repeat(64 * 1024)),
        Err(JwtError::Malformed)
    );
}

#[test]
fn short_secrets_are_refused() {
    let settings = |length: usize| JwtSettings::new(Secret::new("x".repeat(length)));

    assert!(JwtVerifier::new(&settings(32)).is_ok());
    assert_eq!(
        JwtVerifier::new(&settings(31)).err(),
        Some(JwtError::WeakSecret)
    );
    assert_eq!(
        sign(&settings(31), &claims(json!({}))),
        Err(JwtError::WeakSecret)
    );
}

#[test]
fn secrets_and_claims_are_not_shown() {
    let verifier = JwtVerifier::new(&settings()).unwrap();
    let claims = verify(json!({"email": "someone@example.com"})).unwrap();

    let shown = format!("{verifier:?} {:?} {claims:?}", settings());

    assert!(
        !shown.contains("HS256 secret") && !shown.contains("someone"),
        "{shown}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_panics_or_passes(token in "\\PC{0,40}(\\.\\PC{0,40}){0,4}") {
        assert!(verify_text(&token).is_err());
    }

    #[test]
    fn no_altered_byte_passes(at in 0_usize..100, to in "[A-Za-z0-9_.=-]") {
        let good = sign(&settings(), &claims(json!({}))).unwrap();
        let mut altered = good.clone();
        let at = at % altered.len();
        altered.replace_range(at..=at, &to);

        assert!(altered == good || verify_text(&altered).is_err());
    }
}
