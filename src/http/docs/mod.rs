//! The OpenAPI document as one page to read. Made here, once; it loads nothing, runs nothing, and hides nothing from the
//! browser's own search.

mod operation;
mod schema;
mod text;

use std::{fmt::Write, sync::LazyLock};

use axum::{
    http::{HeaderName, header},
    response::IntoResponse,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::openapi;
use text::{escape, paragraphs, slug};

const STYLE: &str = include_str!("page.css");

static PAGE: LazyLock<String> = LazyLock::new(|| page(openapi::value()));

/// Nothing but our own style, known by its digest.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// `GET /docs`.
pub async fn serve() -> impl IntoResponse {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, PAGE.as_str())
}

/// An operation with its place.
struct Operation<'d> {
    method: &'d str,
    /// The path; what is sent has none.
    path: Option<&'d str>,
    /// What the document says of it.
    is: &'d Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.is["operationId"].as_str().unwrap_or_default()
    }

    fn summary(&self) -> &str {
        self.is["summary"].as_str().unwrap_or_default()
    }
}

/// The operations of a tag: those of paths, then those that others are to send.
fn operations<'d>(document: &'d Value, tag: &str) -> Vec<Operation<'d>> {
    let places = ["paths", "webhooks"].into_iter().flat_map(|part| {
        let places = document[part].as_object().into_iter().flatten();
        places.map(move |(name, item)| ((part == "paths").then_some(name.as_str()), item))
    });
    let operations = places.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, is)| Operation { method, path, is })
    });
    operations
        .filter(|found| found.is["tags"][0] == tag)
        .collect()
}

fn each<'d>(document: &'d Value, part: &str) -> impl Iterator<Item = &'d Value> {
    document[part].as_array().into_iter().flatten()
}

fn text<'d>(value: &'d Value, part: &str) -> &'d str {
    value[part].as_str().unwrap_or_default()
}

fn page(document: &Value) -> String {
    let title = escape(text(&document["info"], "title"));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}: the API</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    navigation(document, &title, &mut page);
    page.push_str("<main>\n");
    introduction(document, &title, &mut page);
    for tag in each(document, "tags") {
        let name = text(tag, "name");
        let _ = writeln!(
            page,
            "<section>\n<h2 id=\"{}\">{}</h2>",
            slug(name),
            escape(name)
        );
        page.push_str(&paragraphs(text(tag, "description")));
        for operation in operations(document, name) {
            operation::write(document, &operation, &mut page);
        }
        page.push_str("</section>\n");
    }
    schema::write_all(document, &mut page);
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn navigation(document: &Value, title: &str, page: &mut String) {
    let _ = write!(
        page,
        "<nav aria-label=\"Contents\">\n<p><a href=\"#top\"><b>{title}</b></a></p>\n"
    );
    for tag in each(document, "tags") {
        let name = text(tag, "name");
        let _ = writeln!(
            page,
            "<p><a href=\"#{}\">{}</a></p>\n<ul>",
            slug(name),
            escape(name)
        );
        for operation in operations(document, name) {
            let (id, summary) = (operation.id(), escape(operation.summary()));
            let _ = writeln!(page, "<li><a href=\"#{id}\">{summary}</a></li>");
        }
        page.push_str("</ul>\n");
    }
    page.push_str("<p><a href=\"#shapes\">Shapes</a></p>\n</nav>\n");
}

fn introduction(document: &Value, title: &str, page: &mut String) {
    let info = &document["info"];
    let version = escape(text(info, "version"));
    let _ = writeln!(page, "<h1 id=\"top\">{title} <small>{version}</small></h1>");
    page.push_str(&paragraphs(text(info, "description")));
    page.push_str("<p>For programs: <a href=\"/openapi.yaml\">openapi.yaml</a>.</p>\n");
}

#[cfg(test)]
mod tests;
