//! Secrets, read, made and kept out of sight.

use super::*;

#[test]
fn a_secret_that_is_none_says_what_is_wrong_with_it() {
    for (text, fault) in [
        ("", SecretFault::Empty),
        ("  \n", SecretFault::Empty),
        ("whsec_", SecretFault::Empty),
        ("whsec_not base64", SecretFault::NotBase64),
        (
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
            SecretFault::NotBase64,
        ),
    ] {
        assert_eq!(WebhookSecret::parse(text).unwrap_err(), fault, "{text}");
    }
}

#[test]
fn space_around_a_secret_and_its_padding_do_not_matter() {
    let padded = secret(" whsec_c2VjcmV0LW9mLXNpeHRlZW4= \n");
    assert_eq!(padded.expose(), "whsec_c2VjcmV0LW9mLXNpeHRlZW4=");
    assert_eq!(padded.key(), secret("whsec_c2VjcmV0LW9mLXNpeHRlZW4").key());
    assert!(secret("whsec_c2VjcmV0").is_short());
    assert!(!secret(SECRET).is_short());
}

#[test]
fn a_new_secret_is_long_random_and_readable() {
    let [one, other] = [WebhookSecret::generate(), WebhookSecret::generate()];
    assert_ne!(one.expose(), other.expose());
    assert_eq!(secret(one.expose()).key(), one.key());
    assert_eq!(one.key().len(), 32);
}

#[test]
fn no_secret_shows_in_debug_output() {
    let secrets = WebhookSecrets {
        bearer: Some("s3cret-token".into()),
        ..hex(SECRET)
    };
    let shown = format!("{secrets:?}");
    assert!(
        !shown.contains("MfKQ9r8") && !shown.contains("s3cret-token"),
        "{shown}"
    );
}
