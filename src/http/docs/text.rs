//! Text as HTML. Of Markdown as much as the descriptions use: paragraphs, lists, code, bold and emphasis.

use std::fmt::Write;

/// Text that stands in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A name as an anchor.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::from("tag-");
    slug.extend(name.chars().map(|letter| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '-'
        }
    }));
    slug
}

/// Paragraphs and lists.
pub(super) fn paragraphs(text: &str) -> String {
    let mut html = String::new();
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let items: Option<Vec<&str>> = block.lines().map(|line| line.strip_prefix("- ")).collect();
        if let Some(items) = items {
            html.push_str("<ul>\n");
            for item in items {
                let _ = writeln!(html, "<li>{}</li>", line(item));
            }
            html.push_str("</ul>\n");
        } else {
            let _ = writeln!(html, "<p>{}</p>", line(block));
        }
    }
    html
}

/// Text within a line, with its code, bold and emphasis.
pub(super) fn line(text: &str) -> String {
    let mut html = String::new();
    for (place, part) in text.split('`').enumerate() {
        if place % 2 == 1 {
            let _ = write!(html, "<code>{}</code>", escape(part));
        } else {
            html.push_str(&stressed(&escape(part)));
        }
    }
    html
}

fn stressed(escaped: &str) -> String {
    let paired = |text: &str, mark: &str, tag: &str| {
        let parts: Vec<&str> = text.split(mark).collect();
        let mut html = String::new();
        for (place, part) in parts.iter().enumerate() {
            // A mark without a partner stands for itself, and so do two with nothing between.
            match (place % 2 == 1, place + 1 < parts.len()) {
                (true, true) if part.is_empty() => {
                    let _ = write!(html, "{mark}{mark}");
                }
                (true, true) => {
                    let _ = write!(html, "<{tag}>{part}</{tag}>");
                }
                (true, false) => {
                    let _ = write!(html, "{mark}{part}");
                }
                (false, _) => html.push_str(part),
            }
        }
        html
    };
    paired(&paired(escaped, "**", "b"), "*", "i")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_becomes_markup() {
        let html = paragraphs("<script>alert(\"x\")</script> & `<b>`");
        assert_eq!(
            html,
            "<p>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; <code>&lt;b&gt;</code></p>\n"
        );
    }

    #[test]
    fn paragraphs_lists_and_stress_are_understood() {
        assert_eq!(
            paragraphs("One **bold**\nand *soft*.\n\n- `a`: first\n- second"),
            "<p>One <b>bold</b>\nand <i>soft</i>.</p>\n<ul>\n<li><code>a</code>: first</li>\n<li>second</li>\n</ul>\n"
        );
    }

    #[test]
    fn a_mark_without_a_partner_stands_for_itself() {
        assert_eq!(line("2 * 3"), "2 * 3");
        assert_eq!(line("*a* and 2 ** 3"), "<i>a</i> and 2 ** 3");
    }
}
