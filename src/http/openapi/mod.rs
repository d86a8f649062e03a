//! The OpenAPI document: what the handlers say of themselves, put into the frame of `frame.yaml`, with the problems and
//! the examples of every operation.

mod examples;
mod problems;
mod roles;
mod shape;

use std::sync::LazyLock;

use axum::{http::header, response::IntoResponse};
use chrono::DateTime;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::{api, ops, problem, webhook};
use crate::dover::payload;

/// Shapes that no operation of the admin's REST brings along.
#[derive(OpenApi)]
#[openapi(components(schemas(problem::Problem, webhook::Acknowledged, ops::Health)))]
struct Shapes;

static DOCUMENT: LazyLock<Value> = LazyLock::new(assemble);
static YAML: LazyLock<String> = LazyLock::new(|| {
    let yaml = yaml_serde::to_string(&*DOCUMENT).expect("whatever is JSON can be written as YAML");
    yaml.lines().map(quote_time).collect()
});

/// The document, as JSON.
pub fn value() -> &'static Value {
    &DOCUMENT
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    serde_json::from_value(DOCUMENT.clone()).expect("a test reads the document in this way")
}

/// The document as YAML, as it stands in `openapi.yaml`.
pub fn yaml() -> String {
    YAML.clone()
}

/// `GET /openapi.yaml`.
pub async fn serve() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], YAML.as_str())
}

/// A line with its time in quotes, where it ends in one: readers of YAML 1.1 take a bare one for more than a text.
fn quote_time(line: &str) -> String {
    match line.rsplit_once(": ") {
        Some((start, value)) if DateTime::parse_from_rfc3339(value).is_ok() => {
            format!("{start}: '{value}'\n")
        }
        _ => format!("{line}\n"),
    }
}

fn assemble() -> Value {
    let mut document: Value = yaml_serde::from_str(include_str!("frame.yaml"))
        .expect("the frame is YAML, and the same in every run");
    let mut derived = Shapes::openapi();
    derived.merge(api::routes().into_openapi());
    let derived = serde_json::to_value(derived).expect("a document has text keys only");
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    for part in ["/paths", "/components/schemas"] {
        let more = derived.pointer(part).and_then(Value::as_object);
        let into = document.pointer_mut(part).and_then(Value::as_object_mut);
        if let (Some(into), Some(more)) = (into, more) {
            into.extend(more.clone());
        }
    }
    document["security"] = json!([{ "AdminToken": [] }]);
    document["components"]["requestBodies"]["Delivery"]["content"]["application/json"]["example"] =
        payload::example();
    shape::tidy(&mut document);
    problems::describe(&mut document);
    roles::describe(&mut document);
    examples::insert(&mut document);
    document
}

/// Every operation of the document, those of its webhooks too.
fn operations(document: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let document = document.as_object_mut().into_iter().flatten();
    let places = document.filter(|(part, _)| matches!(part.as_str(), "paths" | "webhooks"));
    places
        .filter_map(|(_, places)| places.as_object_mut())
        .flatten()
        .filter_map(|(_, item)| item.as_object_mut())
        .flatten()
        .filter_map(|(_, operation)| operation.as_object_mut())
        .filter(|operation| operation.contains_key("operationId"))
}

/// The operation id, by which the tables here know an operation.
fn id(operation: &Map<String, Value>) -> &str {
    operation["operationId"].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests;
