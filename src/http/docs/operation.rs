//! One operation: what goes in, what comes out.

use std::fmt::Write;

use serde_json::Value;

use super::{
    Operation, each,
    schema::{kind, row},
    text,
    text::{escape, line, paragraphs},
};

/// Writes an operation.
pub(super) fn write(document: &Value, operation: &Operation<'_>, page: &mut String) {
    let (id, method) = (operation.id(), operation.method.to_uppercase());
    let path = operation.path.unwrap_or("to your webhook address");
    let _ = writeln!(
        page,
        "<article>\n<h3 id=\"{id}\">{}</h3>\n<p class=\"place\"><b class=\"{}\">{method}</b> <code>{}</code></p>",
        escape(operation.summary()),
        operation.method,
        escape(path)
    );
    page.push_str(&paragraphs(text(operation.is, "description")));
    parameters(document, operation.is, page);
    if let Some(body) = operation.is.get("requestBody") {
        page.push_str("<h4>Body</h4>\n");
        contents(resolved(document, body), page);
    }
    page.push_str("<h4>Answers</h4>\n");
    for (status, response) in operation.is["responses"].as_object().into_iter().flatten() {
        answer(status, resolved(document, response), page);
    }
    page.push_str("</article>\n");
}

/// What a reference leads to; the thing itself where it is none.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'));
    let found = reference.and_then(|pointer| document.pointer(pointer));
    found.unwrap_or(value)
}

fn parameters(document: &Value, operation: &Value, page: &mut String) {
    let parameters: Vec<_> = each(operation, "parameters")
        .map(|parameter| resolved(document, parameter))
        .collect();
    if parameters.is_empty() {
        return;
    }
    page.push_str("<h4>Parameters</h4>\n<table>\n<tbody>\n");
    for parameter in parameters {
        let name = match text(parameter, "in") {
            "path" => format!("{{{}}}", text(parameter, "name")),
            "query" => format!("?{}=", text(parameter, "name")),
            _ => format!("{}:", text(parameter, "name")),
        };
        let is_required = parameter["required"] == true;
        let description = parameter["description"].as_str();
        row(&name, is_required, &parameter["schema"], description, page);
    }
    page.push_str("</tbody>\n</table>\n");
}

fn answer(status: &str, response: &Value, page: &mut String) {
    let class = status.chars().next().unwrap_or('0');
    let _ = writeln!(
        page,
        "<p class=\"answer\"><b class=\"s{class}\">{}</b> {}</p>",
        escape(status),
        line(text(response, "description"))
    );
    // Problems all have one shape, and say in words what they are.
    if class == '2' || response["content"].get("application/json").is_some() {
        contents(response, page);
    }
}

/// The shape of a body, and an example of it.
fn contents(body: &Value, page: &mut String) {
    for (media, content) in body["content"].as_object().into_iter().flatten() {
        let _ = writeln!(
            page,
            "<p><code>{}</code>: {}</p>",
            escape(media),
            kind(&content["schema"])
        );
        let one = content.get("example").into_iter();
        let several = content["examples"].as_object().into_iter().flatten();
        for example in one.chain(several.map(|(_, example)| &example["value"])) {
            let shown = serde_json::to_string_pretty(example).unwrap_or_default();
            let _ = writeln!(page, "<pre tabindex=\"0\">{}</pre>", escape(&shown));
        }
    }
}
