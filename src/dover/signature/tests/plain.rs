//! The hexadecimal HMAC, with the vector of GitHub's documentation, and the bearer token.

use axum::http::HeaderValue;

use super::*;

const GITHUB_SECRET: &str = "It's a Secret to Everybody";

const GITHUB_BODY: &[u8] = b"Hello, World!";

const GITHUB_DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

#[test]
fn the_vector_of_github_comes_out_with_and_without_its_prefix() {
    let prefixed = format!("sha256={GITHUB_DIGITS}");
    for (name, value) in [
        ("x-hub-signature-256", prefixed.as_str()),
        ("x-hub-signature-256", GITHUB_DIGITS),
        ("x-dover-signature", prefixed.as_str()),
        ("x-dover-signature", GITHUB_DIGITS),
    ] {
        let headers = headers(&[(name, value), ("webhook-id", "evt_1")]);
        let verified = verify(&headers, GITHUB_BODY, &hex(GITHUB_SECRET), at(0)).unwrap();
        assert_eq!(verified.scheme, Scheme::HexHmac);
        assert_eq!(verified.webhook_id, "evt_1");
        let off = holding(&[GITHUB_SECRET]);
        assert_eq!(
            verify(&headers, GITHUB_BODY, &off, at(0))
                .unwrap_err()
                .code(),
            "signature-missing"
        );
    }
}

#[test]
fn a_hexadecimal_signature_may_use_a_prefixed_secret_whole_or_decoded() {
    for key in [SECRET.as_bytes(), secret(SECRET).key()] {
        let digits = hex::encode(mac(key, &[BODY]));
        let headers = headers(&[("x-dover-signature", &digits)]);
        assert!(verify(&headers, BODY, &hex(SECRET), at(0)).is_ok());
    }
}

#[test]
fn a_wrong_hexadecimal_signature_is_refused() {
    let wrong = "0".repeat(64);
    for (value, expected) in [
        (wrong.as_str(), "signature-mismatch"),
        (&GITHUB_DIGITS[..62], "signature-not-hex"),
        ("sha1=757107", "signature-not-hex"),
        ("", "signature-not-hex"),
    ] {
        let headers = headers(&[("x-dover-signature", value)]);
        let fault = verify(&headers, GITHUB_BODY, &hex(GITHUB_SECRET), at(0)).unwrap_err();
        assert_eq!(fault.code(), expected, "{value}");
    }
}

#[test]
fn a_delivery_without_an_id_is_named_after_its_body() {
    let headers = headers(&[("x-dover-signature", GITHUB_DIGITS)]);
    let verified = verify(&headers, GITHUB_BODY, &hex(GITHUB_SECRET), at(0)).unwrap();
    assert_eq!(
        verified.webhook_id,
        "body-dffd6021bb2bd5b0af676290809ec3a53191dd81c7f70a4b28688a362182986f"
    );
}

#[test]
fn a_bad_id_is_refused_under_every_scheme() {
    let headers = headers(&[("x-dover-signature", GITHUB_DIGITS), ("svix-id", "a b")]);
    let fault = verify(&headers, GITHUB_BODY, &hex(GITHUB_SECRET), at(0)).unwrap_err();
    assert_eq!(fault.code(), "webhook-id-invalid");
}

#[test]
fn the_bearer_token_counts_where_it_is_switched_on() {
    let secrets = |token: Option<&str>| WebhookSecrets {
        bearer: token.map(Into::into),
        ..holding(&[SECRET])
    };
    let outcome = |credentials: &str, token| {
        let headers = headers(&[("authorization", credentials)]);
        verify(&headers, BODY, &secrets(token), at(0)).map_err(|fault| fault.code())
    };
    for credentials in ["Bearer s3cret", "bearer s3cret", "BEARER   s3cret"] {
        assert_eq!(
            outcome(credentials, Some("s3cret")).unwrap().scheme,
            Scheme::Bearer
        );
    }
    for credentials in [
        "Bearer s3cre",
        "Bearer s3cret2",
        "Basic s3cret",
        "s3cret",
        "Bearer ",
        "Bearer",
    ] {
        assert_eq!(
            outcome(credentials, Some("s3cret")),
            Err("bearer-mismatch"),
            "{credentials}"
        );
        assert_eq!(
            outcome(credentials, Some("")),
            Err("bearer-mismatch"),
            "{credentials}"
        );
        assert_eq!(
            outcome(credentials, None),
            Err("signature-missing"),
            "{credentials}"
        );
    }
}

#[test]
fn a_scheme_that_counts_is_enough_whatever_the_others_say() {
    let secrets = WebhookSecrets {
        bearer: Some("s3cret".into()),
        ..holding(&[SECRET])
    };
    let mut relayed = standard(ID, "1614265330", STRANGER);
    let bearer = HeaderValue::from_static("Bearer s3cret");
    relayed.insert("authorization", bearer);
    let verified = verify(&relayed, BODY, &secrets, at(SIGNED_AT)).unwrap();
    assert_eq!(
        (verified.webhook_id.as_str(), verified.scheme),
        (ID, Scheme::Bearer)
    );

    relayed.insert("authorization", HeaderValue::from_static("Bearer wrong"));
    let fault = verify(&relayed, BODY, &secrets, at(SIGNED_AT)).unwrap_err();
    assert_eq!(
        fault.code(),
        "signature-mismatch",
        "the first scheme tried explains itself"
    );
}
