//! What a note says: a template with its values put in. Every value is text: nothing in it becomes an element or an entity.

use std::collections::BTreeMap;

use super::template::{Node, Template, Variable};

/// How many characters of values a note holds at most. Ashby documents no limit; a page of text is enough for a note, and
/// the whole stays in Dover.
pub const MAX_TEXT: usize = 20_000;

/// What the variables stand for.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<Variable, String>);

impl Values {
    /// The same with a value; one that is blank counts as none.
    #[must_use]
    pub fn with(mut self, variable: Variable, value: Option<&str>) -> Self {
        let value = value.map(readable).unwrap_or_default();
        if !value.is_empty() {
            self.0.insert(variable, value);
        }
        self
    }
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Values(redacted)")
    }
}

/// A text without what nobody reads: control characters, and blank space around it.
fn readable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let letters = text
        .chars()
        .filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t'));
    letters.collect::<String>().trim().to_owned()
}

/// The note as HTML, with `lines` (a name and a value each) beneath it. `None`: there is nothing to be read in it.
///
/// An element is left out where all variables in it are empty and it has no text of its own. Of values beyond [`MAX_TEXT`]
/// together the rest is cut, and the note says so.
pub fn render(template: &Template, values: &Values, lines: &[(&str, &str)]) -> Option<String> {
    let mut writer = Writer {
        values,
        html: String::new(),
        left: MAX_TEXT,
    };
    let found = writer.nodes(&template.0);
    let mut is_readable = found.text;
    let lines: Vec<_> = lines
        .iter()
        .map(|(name, value)| (name, readable(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    if !lines.is_empty() {
        is_readable = true;
        writer.html.push_str("<ul>");
        for (name, value) in lines {
            writer.html.push_str("<li>");
            escape(name, &mut writer.html);
            writer.html.push_str(": ");
            writer.value(&value);
            writer.html.push_str("</li>");
        }
        writer.html.push_str("</ul>");
    }
    is_readable.then_some(writer.html)
}

struct Writer<'a> {
    values: &'a Values,
    html: String,
    /// How many characters of values may still come.
    left: usize,
}

/// What was in a part of a template.
#[derive(Clone, Copy, Default)]
struct Found {
    /// A variable, empty or not.
    variable: bool,
    /// Something to read.
    text: bool,
}

impl Writer<'_> {
    fn nodes(&mut self, nodes: &[Node]) -> Found {
        let mut found = Found::default();
        for node in nodes {
            let here = self.node(node);
            found.variable |= here.variable;
            found.text |= here.text;
        }
        found
    }

    fn node(&mut self, node: &Node) -> Found {
        match node {
            Node::Text(text) => {
                self.html.push_str(text);
                let text = !text.trim().is_empty();
                Found {
                    variable: false,
                    text,
                }
            }
            Node::Value(variable) => {
                let value = self.values.0.get(variable);
                if let Some(value) = value {
                    self.value(value);
                }
                Found {
                    variable: true,
                    text: value.is_some(),
                }
            }
            Node::Element { open, name, within } => {
                let before = self.html.len();
                self.html.push('<');
                self.html.push_str(open);
                self.html.push('>');
                let found = self.nodes(within);
                if found.variable && !found.text {
                    self.html.truncate(before);
                } else {
                    self.html.push_str("</");
                    self.html.push_str(name);
                    self.html.push('>');
                }
                found
            }
        }
    }

    fn value(&mut self, value: &str) {
        let length = value.chars().count();
        if length <= self.left {
            self.left -= length;
            escape(value, &mut self.html);
            return;
        }
        let shown = std::mem::take(&mut self.left);
        let start: String = value.chars().take(shown).collect();
        escape(&start, &mut self.html);
        let told = format!(" \u{2026} [shortened: {shown} of {length} characters]");
        self.html.push_str(&told);
    }
}

/// Writes a text so that HTML shows it as it is.
fn escape(text: &str, html: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            letter => html.push(letter),
        }
    }
}
