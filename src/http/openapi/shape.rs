//! Puts right what the derived schemas cannot say.

use serde_json::{Value, json};

use super::operations;

/// Names pages by their items, and closes the bodies that we read.
pub(super) fn tidy(document: &mut Value) {
    name_pages(document);
    close_bodies(document);
}

/// `Page_Job` with a copy of the shape of a job becomes `JobPage` that refers to it.
fn name_pages(document: &mut Value) {
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    let named = std::mem::take(schemas)
        .into_iter()
        .map(|(name, mut schema)| {
            let Some(item) = name.strip_prefix("Page_") else {
                return (name, schema);
            };
            let path = format!("#/components/schemas/{item}");
            schema["properties"]["items"]["items"] = json!({ "$ref": path });
            (format!("{item}Page"), schema)
        });
    *schemas = named.collect();
    each_reference(document, &|reference| {
        let item = reference.strip_prefix("#/components/schemas/Page_")?;
        Some(format!("#/components/schemas/{item}Page"))
    });
}

fn each_reference(value: &mut Value, rename: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get_mut("$ref")
                && let Some(renamed) = rename(reference)
            {
                *reference = renamed;
            }
            for value in object.values_mut() {
                each_reference(value, rename);
            }
        }
        Value::Array(array) => {
            for value in array {
                each_reference(value, rename);
            }
        }
        _ => {}
    }
}

/// Every body that the admin's REST reads refuses unknown fields. One that may be left out is an object all the same.
fn close_bodies(document: &mut Value) {
    let mut read = Vec::new();
    for operation in operations(document) {
        let Some(schema) = operation
            .get_mut("requestBody")
            .and_then(|body| body.pointer_mut("/content/application~1json/schema"))
        else {
            continue;
        };
        if let Some(either) = schema.get("oneOf").and_then(|either| either.get(0)) {
            *schema = either.clone();
        }
        read.extend(
            schema["$ref"]
                .as_str()
                .map(|name| name.replacen('#', "", 1)),
        );
    }
    for pointer in read {
        if let Some(schema) = document.pointer_mut(&pointer) {
            schema["additionalProperties"] = Value::Bool(false);
        }
    }
}
