//! Bytes to a document that can be stored.

use serde_json::{Value, error::Category};

use super::fault::{Fault, Faults, Trail};

/// Reads `body` as a JSON object. Of a key that occurs twice the last value counts.
pub(super) fn parse(body: &[u8]) -> Result<Value, Fault> {
    match serde_json::from_slice(body) {
        Ok(document @ Value::Object(_)) => Ok(document),
        Ok(other) => {
            let found = kind_of(&other);
            Err(Fault::new("", format!("expected an object, found {found}")))
        }
        Err(error) => Err(Fault::new("", explain(body, &error))),
    }
}

/// What keeps `body` from being JSON, in words.
fn explain(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii().is_empty() {
        return "expected a JSON object, found an empty body".to_owned();
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    let problem = error.to_string();
    // The parser ends its sentence with the place; ours begins with it.
    let problem = problem.split(" at line ").next().unwrap_or_default();
    let hint = if problem.contains("hex escape") {
        ". Half of a surrogate pair is no character: write both halves, or the character itself"
    } else if error.classify() == Category::Eof {
        ". The body seems to be cut short"
    } else {
        ""
    };
    format!("not JSON at {place}: {problem}{hint}")
}

/// What a value is, for a sentence.
pub(super) const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Finds every NUL character: JSON can say it and the database cannot hold it. Looks everywhere, for unknown fields
/// are kept too.
pub(super) fn refuse_nul(document: &Value, faults: &mut Faults) {
    search(document, Trail::Root, faults);
}

fn search(value: &Value, trail: Trail<'_>, faults: &mut Faults) {
    match value {
        Value::String(text) if text.contains('\0') => faults.add(Fault::new(
            trail.pointer(),
            "holds the NUL character \\u0000, which cannot be stored",
        )),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                search(item, Trail::Index(&trail, index), faults);
                if faults.is_full() {
                    return;
                }
            }
        }
        Value::Object(object) => {
            for (key, item) in object {
                let trail = Trail::Key(&trail, key);
                if key.contains('\0') {
                    faults.add(Fault::new(
                        trail.pointer(),
                        "the key holds the NUL character \\u0000 (shown as \u{2400}), which cannot be stored",
                    ));
                }
                search(item, trail, faults);
                if faults.is_full() {
                    return;
                }
            }
        }
        _ => {}
    }
}
