//! Holds the document to what a reader relies on.

use std::collections::BTreeSet;

use jsonschema::Validator;

use super::*;

/// A validator for what a pointer into the document leads to.
fn validator(reference: &str) -> Validator {
    let document = value();
    let schema = json!({ "$ref": reference, "components": document["components"] });
    jsonschema::validator_for(&schema).unwrap()
}

fn all_operations() -> Vec<Map<String, Value>> {
    operations(&mut value().clone())
        .map(|operation| operation.clone())
        .collect()
}

/// What a reference leads to; the thing itself where it is none.
fn resolved(value: &Value) -> &Value {
    match value["$ref"].as_str() {
        Some(reference) => super::value().pointer(&reference[1..]).unwrap(),
        None => value,
    }
}

#[test]
fn the_document_is_one_that_utoipa_understands() {
    let version = serde_json::to_value(document().openapi).unwrap();
    assert_eq!(version, "3.1.0");
    assert_eq!(
        document().paths.paths.len(),
        value()["paths"].as_object().unwrap().len()
    );
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(Value::String(reference)) = object.get("$ref") {
                    assert!(
                        super::value().pointer(&reference[1..]).is_some(),
                        "{reference}"
                    );
                }
                object.values().for_each(walk);
            }
            Value::Array(array) => array.iter().for_each(walk),
            _ => {}
        }
    }
    walk(value());
}

#[test]
fn every_operation_says_what_it_does() {
    let operations = all_operations();
    let ids: BTreeSet<&str> = operations.iter().map(id).collect();
    assert_eq!(ids.len(), operations.len(), "each has an id of its own");
    for operation in &operations {
        for part in ["summary", "description"] {
            assert!(
                operation[part]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{}",
                id(operation)
            );
        }
        let tag = operation["tags"][0].as_str().unwrap();
        let tags = value()["tags"].as_array().unwrap();
        assert!(tags.iter().any(|known| known["name"] == tag), "{tag}");
    }
}

#[test]
fn every_field_says_what_it_is() {
    for (name, schema) in value()["components"]["schemas"].as_object().unwrap() {
        assert!(
            schema["description"].is_string() || name.ends_with("Page"),
            "{name}"
        );
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            let parts = ["description", "$ref", "oneOf"];
            let is_told = parts.iter().any(|part| !property[part].is_null());
            assert!(is_told, "{name}.{field}");
        }
    }
}

#[test]
fn every_json_body_has_an_example_that_keeps_to_its_schema() {
    for operation in all_operations() {
        let responses = operation["responses"].as_object().unwrap().values();
        let bodies = operation.get("requestBody").into_iter().chain(responses);
        for body in bodies.map(resolved) {
            let Some(content) = body["content"].get("application/json") else {
                continue;
            };
            let one = content.get("example").into_iter();
            let several = content["examples"].as_object().into_iter().flatten();
            let examples: Vec<_> = one
                .chain(several.map(|(_, example)| &example["value"]))
                .collect();
            assert!(!examples.is_empty(), "{}", id(&operation));
            let Some(reference) = content["schema"]["$ref"].as_str() else {
                continue;
            };
            for example in examples {
                if let Err(fault) = validator(reference).validate(example) {
                    panic!("{}: {fault} in {example}", id(&operation));
                }
            }
        }
    }
}

#[test]
fn every_example_belongs_to_an_operation() {
    let ids: BTreeSet<String> = all_operations()
        .iter()
        .map(|found| id(found).to_owned())
        .collect();
    for name in examples::all().as_object().unwrap().keys() {
        assert!(ids.contains(name), "{name}");
    }
}

#[test]
fn every_code_has_a_sample_that_is_a_problem() {
    let validator = validator("#/components/schemas/Problem");
    for code in problem::Code::ALL {
        let sample = problems::sample(code);
        assert_eq!(sample.code, code);
        validator.validate(&json!(sample)).unwrap();
    }
}

#[test]
fn every_code_but_that_of_methods_is_an_answer_of_some_operation() {
    let responses = value()["components"]["responses"].as_object().unwrap();
    let told: BTreeSet<String> = responses
        .values()
        .filter_map(|response| {
            response["content"]["application/problem+json"]["examples"].as_object()
        })
        .flat_map(|examples| examples.keys().cloned())
        .collect();
    for code in problem::Code::ALL {
        let word = json!(code).as_str().unwrap().to_owned();
        let is_told = told.contains(&word);
        assert_eq!(is_told, code != problem::Code::MethodNotAllowed, "{word}");
    }
}

#[test]
fn what_we_read_is_closed_and_what_dover_sends_is_open() {
    for operation in all_operations() {
        let Some(body) = operation.get("requestBody") else {
            continue;
        };
        // Of a file nothing is said here.
        let Some(json) = resolved(body)["content"].get("application/json") else {
            continue;
        };
        let schema = resolved(&json["schema"]);
        let is_closed = schema["additionalProperties"] == false;
        assert_eq!(
            is_closed,
            !operation.contains_key("security"),
            "{}",
            id(&operation)
        );
    }
}

#[test]
fn the_delivery_of_the_contract_is_shown_whole() {
    let body = resolved(&value()["webhooks"]["delivery"]["post"]["requestBody"]);
    assert_eq!(
        body["content"]["application/json"]["example"],
        payload::example()
    );
}

#[test]
fn the_yaml_says_the_same_as_the_document() {
    let read: Value = yaml_serde::from_str(&yaml()).unwrap();
    assert_eq!(&read, value());
}
