//! Payloads, good and bad, and what is made of them.

mod laws;
mod limits;
mod malformed;
mod meaning;

use serde_json::{Value, json};

use super::*;

fn parse(payload: &Value) -> Result<Delivery<'static>, Vec<Fault>> {
    read(payload.to_string().as_bytes(), &PayloadPaths::default())
}

/// What a body says, for as long as a test likes.
fn read(body: &[u8], paths: &PayloadPaths) -> Result<Delivery<'static>, Vec<Fault>> {
    let document: &Document<'_> = Box::leak(Box::new(Document::of(body.to_vec().leak())));
    document.read(paths)
}

/// The example with the value at `pointer` replaced, added, or, for `None`, taken out.
fn with(pointer: &str, value: Option<Value>) -> Value {
    changed(example(), pointer, value)
}

fn changed(mut payload: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = payload.pointer_mut(parent).unwrap();
    if let (Value::Array(items), Some(value)) = (&mut *parent, &value) {
        items[key.parse::<usize>().unwrap()] = value.clone();
    } else if let Some(value) = value {
        parent[key] = value;
    } else {
        parent.as_object_mut().unwrap().shift_remove(key);
    }
    payload
}

fn faults(payload: &Value) -> Vec<(String, String)> {
    let faults = parse(payload).unwrap_err();
    faults
        .into_iter()
        .map(|fault| (fault.pointer, fault.detail))
        .collect()
}

fn raw_fault(body: &[u8]) -> String {
    let faults = read(body, &PayloadPaths::default()).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].pointer, "", "the document as a whole");
    faults[0].detail.clone()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn activity() -> Value {
    let mut payload = with("/type", Some(json!("candidate.activity")));
    payload["data"]["activity"] = json!({
        "id": "act_1", "kind": "email_replied", "at": "2026-11-21T09:59:00Z",
        "subject": "Re: Hello", "body": "Tell me more", "sentiment": "positive",
    });
    payload
}
