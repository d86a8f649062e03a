//! By what a note is known again that Ashby was sent and may have kept: its letters and digits. What else Ashby makes of a
//! note is not documented: it may give the markup back, in another form, or the text alone.

/// The letters and digits of a note.
#[derive(Clone, PartialEq, Eq)]
pub struct Gist(String);

impl std::fmt::Debug for Gist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gist(redacted)")
    }
}

impl Gist {
    /// Of HTML: without its tags, and with its entities read.
    pub fn of_html(html: &str) -> Self {
        let mut text = String::with_capacity(html.len());
        let mut rest = html;
        while let Some(start) = rest.find('<') {
            text.push_str(&rest[..start]);
            text.push(' ');
            rest = rest[start..].split_once('>').map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        Self::of_text(&read(&text))
    }

    /// Of plain text.
    pub fn of_text(text: &str) -> Self {
        Self(
            text.chars()
                .filter(|letter| letter.is_alphanumeric())
                .collect(),
        )
    }

    /// It, to be digested.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text with the entities read that stand for one of the letters which HTML needs.
fn read(text: &str) -> String {
    const LETTERS: [(&str, &str); 8] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
        // Last, so that what was written as text is not read twice.
        ("&amp;", "&"),
    ];
    LETTERS
        .iter()
        .fold(text.to_owned(), |text, (entity, letter)| {
            text.replace(entity, letter)
        })
}
