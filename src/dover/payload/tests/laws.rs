//! What holds of any payload at all.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Any JSON value, with the strings that make trouble.
fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        Just("a\0b".to_owned()),
        Just("ada@example.com".to_owned()),
        Just("2026-11-21T09:59:58Z".to_owned()),
        Just("candidate.activity".to_owned()),
        Just("ping".to_owned()),
        (0_usize..3_000).prop_map(|length| "x".repeat(length)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Every place in a document.
fn places(value: &Value, at: &str) -> Vec<String> {
    let mut all = vec![at.to_owned()];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                all.extend(places(value, &format!("{at}/{}", fault::escape(key))));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                all.extend(places(value, &format!("{at}/{index}")));
            }
        }
        _ => {}
    }
    all
}

/// What holds of every outcome: a delivery that the rest of the program may trust, or faults that can be shown and
/// stored.
fn is_sound(body: &[u8]) -> Result<(), TestCaseError> {
    match read(body, &PayloadPaths::default()) {
        Ok(delivery) => {
            let about_candidate = matches!(
                delivery.kind,
                Kind::StageChanged(_) | Kind::Updated | Kind::Activity(_)
            );
            let named = delivery.candidate_id.is_some()
                && delivery.job_id.is_some()
                && delivery.updated_at.is_some();
            prop_assert!(named || !about_candidate);
            let says = delivery.says(DateTime::UNIX_EPOCH, 1);
            let mut faults = fault::Faults::default();
            let says = serde_json::to_vec(&says).unwrap();
            document::refuse_nul(&document::parse(&says).unwrap(), &mut faults);
            prop_assert!(faults.is_empty());
        }
        Err(faults) => {
            prop_assert!(!faults.is_empty());
            for fault in faults {
                prop_assert!(fault.pointer.is_empty() || fault.pointer.starts_with('/'));
                prop_assert!(!fault.detail.is_empty());
                prop_assert!(!fault.pointer.contains('\0') && !fault.detail.contains('\0'));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_document_reads_as_it_was_written(value in any_json()) {
        let wrapped = serde_json::json!({ "it": value });
        let text = serde_json::to_vec(&wrapped).unwrap();
        prop_assert_eq!(document::parse(&text).unwrap().to_value(), wrapped);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..400)) {
        is_sound(&body)?;
    }

    #[test]
    fn any_document_is_read_or_refused(document in any_json()) {
        is_sound(document.to_string().as_bytes())?;
    }

    #[test]
    fn a_payload_with_values_exchanged_is_read_or_refused(
        of_activity in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any_json()), 1..4),
    ) {
        let mut payload = if of_activity { activity() } else { example() };
        for (place, value) in changes {
            let places = places(&payload, "");
            *payload.pointer_mut(place.get::<String>(&places)).unwrap() = value;
        }
        is_sound(payload.to_string().as_bytes())?;
    }

    #[test]
    fn a_payload_with_bytes_exchanged_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = example().to_string().into_bytes();
        for (place, byte) in changes {
            let place = place.index(body.len());
            body[place] = byte;
        }
        is_sound(&body)?;
    }
}
