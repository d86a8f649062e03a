//! Says of each operation who may ask for it, as [`access`](crate::http::access) has it.

use serde_json::Value;

use crate::{http::access::RULES, store::token::Role};

/// Adds the least role to each operation that takes a token.
pub(super) fn describe(document: &mut Value) {
    for rule in RULES {
        let operation = document["paths"]
            .get_mut(rule.path)
            .and_then(|path| path.get_mut(rule.method))
            .and_then(Value::as_object_mut);
        let Some(operation) = operation else {
            continue;
        };
        operation.insert("x-least-role".to_owned(), rule.least.word().into());
        let said = operation.get("description").and_then(Value::as_str);
        let said = format!("{}\n\n{}", said.unwrap_or_default(), takes(rule.least));
        operation.insert("description".to_owned(), said.into());
    }
}

const fn takes(least: Role) -> &'static str {
    match least {
        Role::Admin => "Takes the role `admin`.",
        Role::Member => "Takes the role `member` or `admin`.",
        Role::Monitor => {
            "For everybody, unless the service guards it: then it takes a token of any role."
        }
    }
}
