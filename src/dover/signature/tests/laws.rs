//! What holds of any delivery at all.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use proptest::prelude::*;

use super::*;

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
        let text = STANDARD.encode(&key);
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
