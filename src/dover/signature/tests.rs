use axum::http::{HeaderMap, HeaderName, HeaderValue};
use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SIGNED_AT: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const STRANGER: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::parse(text).unwrap()
}

fn holding(texts: &[&str]) -> WebhookSecrets {
    WebhookSecrets {
        secrets: texts.iter().map(|text| secret(text)).collect(),
        ..WebhookSecrets::default()
    }
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect()
}

fn standard(id: &str, timestamp: &str, signature: &str) -> HeaderMap {
    headers(&[
        ("webhook-id", id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signature),
    ])
}

fn check(headers: &HeaderMap) -> Result<Verified, SignatureFault> {
    verify(headers, BODY, &holding(&[SECRET]), at(SIGNED_AT))
}

fn code(headers: &HeaderMap) -> &'static str {
    check(headers).unwrap_err().code()
}

#[test]
fn the_vectors_of_the_standard_libraries_come_out() {
    let svix = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    for (text, id, timestamp, body, expected) in [
        (SECRET, ID, SIGNED_AT, BODY, SIGNATURE),
        (
            svix,
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1_649_367_553,
            body.as_slice(),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ] {
        let [(_, said_id), (_, said_time), (name, signature)] =
            sign(&secret(text), id, timestamp, body);
        assert_eq!((name, signature.as_str()), ("webhook-signature", expected));
        let headers = standard(&said_id, &said_time, &signature);
        let verified = verify(&headers, body, &holding(&[text]), at(timestamp)).unwrap();
        assert_eq!(verified.webhook_id, id);
        assert_eq!(verified.scheme, Scheme::StandardWebhooks);
    }
}

#[test]
fn the_older_header_names_count_as_well() {
    let svix = headers(&[
        ("svix-id", ID),
        ("svix-timestamp", "1614265330"),
        ("svix-signature", SIGNATURE),
    ]);
    assert_eq!(check(&svix).unwrap().webhook_id, ID);

    let mut both = standard(ID, "1614265330", STRANGER);
    both.extend(svix);
    assert!(check(&both).is_ok(), "one good set is enough");
}

#[test]
fn header_names_are_not_mixed() {
    let mixed = headers(&[
        ("webhook-id", ID),
        ("webhook-timestamp", "1614265330"),
        ("svix-signature", SIGNATURE),
    ]);
    assert_eq!(
        check(&mixed),
        Err(SignatureFault::MissingHeader { header: "svix-id" })
    );
}

#[test]
fn one_good_entry_among_many_is_enough() {
    let entries = format!(
        "{STRANGER} v2,{} v1a,xyz {SIGNATURE} {STRANGER}",
        &SIGNATURE[3..]
    );
    assert!(check(&standard(ID, "1614265330", &entries)).is_ok());

    let mut two_headers = standard(ID, "1614265330", STRANGER);
    two_headers.append("webhook-signature", HeaderValue::from_static(SIGNATURE));
    assert!(check(&two_headers).is_ok());
}

#[test]
fn any_live_secret_verifies_and_a_retired_one_does_not() {
    let new = WebhookSecret::generate();
    let headers = standard(ID, "1614265330", SIGNATURE);
    let during = holding(&[new.expose(), SECRET]);
    assert!(verify(&headers, BODY, &during, at(SIGNED_AT)).is_ok());
    for after in [holding(&[new.expose()]), holding(&[])] {
        assert_eq!(
            verify(&headers, BODY, &after, at(SIGNED_AT)),
            Err(SignatureFault::NoMatch {
                header: "webhook-signature"
            })
        );
    }
}

#[test]
fn a_secret_without_prefix_counts_as_base64_and_as_it_stands() {
    let bare = &SECRET["whsec_".len()..];
    let headers = standard(ID, "1614265330", SIGNATURE);
    assert!(verify(&headers, BODY, &holding(&[bare]), at(SIGNED_AT)).is_ok());

    let raw = mac(bare.as_bytes(), &[ID.as_bytes(), b".1614265330.", BODY]);
    let entry = format!(
        "v1,{}",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, raw)
    );
    let headers = standard(ID, "1614265330", &entry);
    assert!(verify(&headers, BODY, &holding(&[bare]), at(SIGNED_AT)).is_ok());
    assert!(verify(&headers, BODY, &holding(&[SECRET]), at(SIGNED_AT)).is_err());

    let phrase = secret("correct horse battery staple");
    let signed = sign(&phrase, ID, SIGNED_AT, BODY);
    let headers = standard(ID, "1614265330", &signed[2].1);
    assert!(verify(&headers, BODY, &holding(&[phrase.expose()]), at(SIGNED_AT)).is_ok());
}

#[test]
fn five_minutes_either_way_are_allowed_and_not_a_second_more() {
    let headers = standard(ID, "1614265330", SIGNATURE);
    let secrets = holding(&[SECRET]);
    let at_offset = |offset| verify(&headers, BODY, &secrets, at(SIGNED_AT + offset));
    for offset in [-300, -1, 0, 300] {
        assert!(at_offset(offset).is_ok(), "{offset}");
    }
    let header = "webhook-timestamp";
    let seconds = 301;
    assert_eq!(
        at_offset(301),
        Err(SignatureFault::TooOld { header, seconds })
    );
    assert_eq!(
        at_offset(-301),
        Err(SignatureFault::TooNew { header, seconds })
    );
}

#[test]
fn a_stale_delivery_is_told_how_stale_it_is() {
    let headers = standard(ID, "1614265330", SIGNATURE);
    let fault = verify(&headers, BODY, &holding(&[SECRET]), at(SIGNED_AT + 7200)).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the webhook-timestamp header is 7200 seconds behind our clock and 300 are allowed: sign each attempt anew, \
         and set the sender's clock"
    );
}

#[test]
fn a_time_that_is_no_number_of_seconds_is_refused() {
    for text in [
        "",
        "hello",
        "-1",
        "+1614265330",
        "1614265330.5",
        "0x6037b0b2",
        "99999999999999999999999999",
    ] {
        assert_eq!(
            code(&standard(ID, text, SIGNATURE)),
            "timestamp-invalid",
            "{text}"
        );
    }
    let milliseconds = standard(ID, "1614265330000", SIGNATURE);
    assert_eq!(code(&milliseconds), "timestamp-too-new");
    let leading_zero = standard(ID, "01614265330", SIGNATURE);
    assert_eq!(
        code(&leading_zero),
        "signature-mismatch",
        "not what was signed"
    );
}

#[test]
fn a_missing_header_is_named() {
    for header in ["webhook-id", "webhook-timestamp"] {
        let mut headers = standard(ID, "1614265330", SIGNATURE);
        headers.remove(header);
        assert_eq!(
            check(&headers),
            Err(SignatureFault::MissingHeader { header })
        );
    }
    let mut unsigned = standard(ID, "1614265330", SIGNATURE);
    unsigned.remove("webhook-signature");
    assert_eq!(code(&unsigned), "signature-missing");
    assert_eq!(code(&HeaderMap::new()), "signature-missing");
}

#[test]
fn an_unsigned_delivery_is_told_what_counts_here() {
    let secrets = WebhookSecrets {
        hex_hmac: true,
        bearer: Some("token".into()),
        ..holding(&[SECRET])
    };
    let fault = verify(&HeaderMap::new(), BODY, &secrets, at(SIGNED_AT)).unwrap_err();
    insta::assert_snapshot!(fault, @"the request is not signed: send webhook-id, webhook-timestamp and webhook-signature as Standard Webhooks describes, or X-Hub-Signature-256 or X-Dover-Signature with the hexadecimal HMAC-SHA256 of the body, or Authorization with the connection's bearer token");
}

#[test]
fn a_signature_that_is_partial_or_of_another_version_is_refused() {
    let of_version_two = SIGNATURE.replace("v1", "v2");
    let unpadded = SIGNATURE.trim_end_matches('=');
    for text in [
        "",
        " ",
        "v1",
        "v1,",
        &SIGNATURE[..8],
        &SIGNATURE[3..],
        unpadded,
        &of_version_two,
    ] {
        assert_eq!(
            code(&standard(ID, "1614265330", text)),
            "signature-version-unknown",
            "{text}"
        );
    }
    assert_eq!(
        code(&standard(ID, "1614265330", STRANGER)),
        "signature-mismatch"
    );
}

#[test]
fn an_id_that_cannot_name_a_delivery_is_refused() {
    let longest = "x".repeat(256);
    let signed = sign(&secret(SECRET), &longest, SIGNED_AT, BODY);
    assert!(check(&standard(&longest, "1614265330", &signed[2].1)).is_ok());

    let too_long = "x".repeat(257);
    for (id, problem) in [
        ("", IdProblem::Empty),
        (too_long.as_str(), IdProblem::TooLong),
        ("msg 1", IdProblem::NotVisibleAscii),
        ("msg\t1", IdProblem::NotVisibleAscii),
    ] {
        let signed = sign(&secret(SECRET), id, SIGNED_AT, BODY);
        let header = "webhook-id";
        assert_eq!(
            check(&standard(id, "1614265330", &signed[2].1)),
            Err(SignatureFault::BadId { header, problem })
        );
    }
    let mut beyond_ascii = standard(ID, "1614265330", SIGNATURE);
    beyond_ascii.insert("webhook-id", HeaderValue::from_bytes(b"msg_\xff").unwrap());
    assert_eq!(code(&beyond_ascii), "webhook-id-invalid");
}

const GITHUB_SECRET: &str = "It's a Secret to Everybody";
const GITHUB_BODY: &[u8] = b"Hello, World!";
const GITHUB_DIGITS: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

fn hex(text: &str) -> WebhookSecrets {
    WebhookSecrets {
        hex_hmac: true,
        ..holding(&[text])
    }
}

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

proptest! {
    #[test]
    fn whatever_is_signed_verifies_and_with_any_bit_flipped_does_not(
        key in prop::collection::vec(any::<u8>(), 1..80),
        id in "[!-~]{1,256}",
        timestamp in 0_i64..4_000_000_000,
        body in prop::collection::vec(any::<u8>(), 0..600),
        part in 0_usize..4,
        position in any::<prop::sample::Index>(),
    ) {
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &key);
        let secrets = holding(&[&format!("whsec_{text}")]);
        let signed = sign(&secrets.secrets[0], &id, timestamp, &body);
        let [(_, id), (_, time), (_, signature)] = signed;
        let mut parts = [id.into_bytes(), time.into_bytes(), signature.into_bytes(), body];
        let outcome = |parts: &[Vec<u8>; 4]| {
            let mut headers = HeaderMap::new();
            for (name, value) in ["webhook-id", "webhook-timestamp", "webhook-signature"].into_iter().zip(parts) {
                headers.insert(name, HeaderValue::from_bytes(value).ok()?);
            }
            verify(&headers, &parts[3], &secrets, at(timestamp)).ok()
        };
        prop_assert!(outcome(&parts).is_some());
        if !parts[part].is_empty() {
            let bit = position.index(parts[part].len() * 8);
            parts[part][bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(outcome(&parts), None);
        }
    }

    #[test]
    fn nothing_unsigned_verifies_or_panics(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 6),
        body in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-dover-signature", "authorization", "svix-id"];
        let headers: HeaderMap = names
            .into_iter()
            .zip(values)
            .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?)))
            .collect();
        let secrets = WebhookSecrets { bearer: Some("s3cret".into()), ..hex(SECRET) };
        let fault = verify(&headers, &body, &secrets, at(SIGNED_AT)).unwrap_err();
        prop_assert!(!fault.to_string().is_empty());
    }
}
