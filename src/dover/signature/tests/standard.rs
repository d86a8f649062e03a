//! Standard Webhooks, with the vectors of its libraries.

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::*;

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
    let entry = format!("v1,{}", STANDARD.encode(raw));
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
