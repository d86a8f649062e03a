//! Puts the examples of `examples.yaml` into the operations.

use serde_json::Value;

use super::{id, operations};

/// Adds to each operation what goes in and comes out as an example.
pub(super) fn insert(document: &mut Value) {
    let examples = all();
    for operation in operations(document) {
        let Some(examples) = examples[id(operation)].as_object() else {
            continue;
        };
        for (place, example) in examples {
            let pointer = match place.as_str() {
                "in" => "/requestBody/content/application~1json".to_owned(),
                status => format!("/responses/{status}/content/application~1json"),
            };
            let mut pointer = pointer.splitn(3, '/').skip(1);
            let first = pointer.next().and_then(|first| operation.get_mut(first));
            let rest = pointer.next().map(|rest| format!("/{rest}"));
            if let (Some(first), Some(rest)) = (first, rest)
                && let Some(content) = first.pointer_mut(&rest)
            {
                content["example"] = example.clone();
            }
        }
    }
}

/// The examples by operation and place.
pub(super) fn all() -> Value {
    yaml_serde::from_str(include_str!("examples.yaml"))
        .expect("the examples are YAML, and the same in every run")
}
