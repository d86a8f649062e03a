//! How Ashby says yes and no.
//!
//! Nearly every refusal is HTTP 200 with `success: false`; status codes are for the key (401, 403), the rate limit (429)
//! and Ashby's own faults (5xx). Refusals are met in several shapes, so the shape is a switch.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Why a call was refused.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub code: String,
    pub message: String,
    /// The field at fault, which only the shape with objects can name.
    pub parameter: Option<String>,
}

impl Refusal {
    /// A refusal with its code and a sentence.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            parameter: None,
        }
    }

    /// `invalid_input`: a field is missing, of the wrong type, or out of place.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_input", message)
    }

    /// `<object>_not_found`, which Ashby also says where the key may not see the object.
    pub(crate) fn not_found(object: &str) -> Self {
        let name = object.replace('_', " ");
        Self::new(
            &format!("{object}_not_found"),
            format!("The {name} was not found, or this key may not see it"),
        )
    }

    /// The envelope of the refusal in one of its shapes.
    pub(crate) fn envelope(&self, shape: ErrorShape, request_id: &str) -> Value {
        let strings = json!([self.code]);
        let info = json!({
            "code": self.code,
            "message": self.message,
            "requestId": request_id,
            "meta": {},
        });
        match shape {
            ErrorShape::Info => json!({"success": false, "errors": strings, "errorInfo": info}),
            ErrorShape::Strings => json!({"success": false, "errors": strings}),
            ErrorShape::NullInfo => json!({"success": false, "errors": strings, "errorInfo": null}),
            ErrorShape::Objects => {
                let error = json!({"message": self.code, "parameter": self.parameter});
                json!({"success": false, "errors": [error]})
            }
        }
    }
}

/// The shapes in which Ashby was seen to refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ErrorShape {
    /// Codes in `errors`, all about it in `errorInfo`: what the document says.
    #[default]
    Info,
    /// Codes in `errors` alone.
    Strings,
    /// Objects with `message` and `parameter` in `errors`.
    Objects,
    /// Codes in `errors`, and `errorInfo: null`.
    NullInfo,
}

/// What a successful call answers, but for `success: true`.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) Map<String, Value>);

impl Reply {
    /// One object, or an array that is no page.
    pub(crate) fn of(results: impl Into<Value>) -> Self {
        Self(Map::from_iter([("results".to_owned(), results.into())]))
    }

    /// A whole list at once, of an endpoint that does not page and says so.
    pub(crate) fn whole_list(results: impl Into<Value>) -> Self {
        let mut reply = Self::of(results);
        reply.0.insert("moreDataAvailable".into(), false.into());
        reply
    }

    /// The envelope.
    pub(crate) fn envelope(self) -> Value {
        let mut envelope = Map::from_iter([("success".to_owned(), Value::Bool(true))]);
        envelope.extend(self.0);
        Value::Object(envelope)
    }
}

/// What a handler comes to.
pub(crate) type Answer = Result<Reply, Refusal>;
