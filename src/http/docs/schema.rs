//! Shapes: what fields there are, of what kind, within what bounds.

use std::fmt::Write;

use serde_json::Value;

use super::text::{escape, line, paragraphs};

/// Every named shape of the document.
pub(super) fn write_all(document: &Value, page: &mut String) {
    page.push_str("<section>\n<h2 id=\"shapes\">Shapes</h2>\n");
    let schemas = document["components"]["schemas"].as_object();
    let mut schemas: Vec<_> = schemas.into_iter().flatten().collect();
    schemas.sort_by_key(|(name, _)| *name);
    for (name, schema) in schemas {
        let name = escape(name);
        let _ = writeln!(page, "<article>\n<h3 id=\"shape-{name}\">{name}</h3>");
        page.push_str(&paragraphs(
            schema["description"].as_str().unwrap_or_default(),
        ));
        body(schema, page);
        page.push_str("</article>\n");
    }
    page.push_str("</section>\n");
}

/// What a shape is made of.
fn body(schema: &Value, page: &mut String) {
    if let Some(parts) = schema["allOf"].as_array() {
        for part in parts {
            match part["$ref"].as_str() {
                Some(_) => {
                    let _ = writeln!(page, "<p>All of {}, and:</p>", kind(part));
                }
                None => fields(part, page),
            }
        }
    } else if schema["properties"].is_object() {
        fields(schema, page);
    } else {
        let _ = writeln!(page, "<p>{}</p>", kind(schema));
    }
}

fn fields(schema: &Value, page: &mut String) {
    let is_required = |name: &str| {
        let mut required = schema["required"].as_array().into_iter().flatten();
        required.any(|required| required == name)
    };
    page.push_str("<table>\n<thead><tr><th>field</th><th>is</th><th></th></tr></thead>\n<tbody>\n");
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        row(name, is_required(name), field, description(field), page);
    }
    page.push_str("</tbody>\n</table>\n");
    if schema["additionalProperties"] == false {
        page.push_str("<p>Other fields are refused.</p>\n");
    }
}

/// What a field is said to be; for one that may be null, what the other is.
fn description(field: &Value) -> Option<&str> {
    let either = field["oneOf"].as_array().into_iter().flatten();
    let mut said = std::iter::once(field).chain(either);
    said.find_map(|schema| schema["description"].as_str())
}

/// One field or parameter as a row.
pub(super) fn row(
    name: &str,
    is_required: bool,
    schema: &Value,
    description: Option<&str>,
    page: &mut String,
) {
    let need = if is_required {
        ""
    } else {
        " <small>optional</small>"
    };
    let _ = writeln!(
        page,
        "<tr><td><code>{}</code>{need}</td><td>{}</td><td>{}</td></tr>",
        escape(name),
        kind(schema),
        line(description.unwrap_or_default())
    );
}

/// Of what kind a value is, in words, with links to named shapes.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for either in ["oneOf", "anyOf"] {
        if let Some(either) = schema[either].as_array() {
            return either.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(code).collect::<Vec<_>>().join(" · ");
    }
    if !schema["const"].is_null() {
        return code(&schema["const"]);
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().map(|kind| plain(kind, schema)).collect(),
        kind => vec![plain(kind, schema)],
    };
    let bounds = bounds(schema);
    format!("{}{bounds}", kinds.join(" or "))
}

fn plain(kind: &Value, schema: &Value) -> String {
    match kind.as_str().unwrap_or_default() {
        "string" => match schema["format"].as_str() {
            Some("date-time") => "time".to_owned(),
            Some("uuid") => "UUID".to_owned(),
            _ => "text".to_owned(),
        },
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}", self::kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!(
                "names, each with {}",
                self::kind(&schema["additionalProperties"])
            )
        }
        "object" => "object".to_owned(),
        other => escape(other),
    }
}

fn code(value: &Value) -> String {
    let word = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    format!("<code>{}</code>", escape(&word))
}

/// How long, how many, how large, of what form, and what it is when it is left out.
fn bounds(schema: &Value) -> String {
    let mut said = Vec::new();
    let range = |least: &str, most: &str, what: &str| match (&schema[least], &schema[most]) {
        (Value::Null, Value::Null) => None,
        (least, Value::Null) => Some(format!("at least {least}{what}")),
        (Value::Null, most) => Some(format!("at most {most}{what}")),
        (least, most) => Some(format!("{least} to {most}{what}")),
    };
    said.extend(range("minimum", "maximum", ""));
    said.extend(range("minLength", "maxLength", " characters"));
    said.extend(range("minItems", "maxItems", " entries"));
    if let Some(pattern) = schema["pattern"].as_str() {
        said.push(format!("as <code>{}</code>", escape(pattern)));
    }
    if !schema["default"].is_null() {
        said.push(format!("else {}", code(&schema["default"])));
    }
    if said.is_empty() {
        return String::new();
    }
    format!(" <small>{}</small>", said.join(", "))
}
