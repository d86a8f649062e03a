//! What becomes of the markup of a note: the elements that Ashby documents stay, the tags of all others go.

/// The elements that stay.
const KEPT: [&str; 9] = ["b", "i", "u", "a", "ul", "ol", "li", "code", "pre"];

/// HTML without the tags of elements that are not kept; their text stays. Of attributes only where a link leads stays.
pub(crate) fn stripped(html: &str) -> String {
    let mut kept = String::with_capacity(html.len());
    for piece in pieces(html) {
        match piece {
            Piece::Text(text) => kept.push_str(text),
            Piece::Tag(inner) => {
                let is_closing = inner.starts_with('/');
                let name = name(inner);
                if !KEPT.contains(&name.as_str()) {
                    continue;
                }
                kept.push_str(if is_closing { "</" } else { "<" });
                kept.push_str(&name);
                if let (false, "a", Some(at)) = (is_closing, name.as_str(), inner.find("href=")) {
                    kept.push(' ');
                    kept.push_str(attribute(&inner[at..]));
                }
                kept.push('>');
            }
        }
    }
    kept
}

/// HTML as somebody reads it who sees no markup.
pub(crate) fn plain(html: &str) -> String {
    let text = pieces(html).into_iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text),
        Piece::Tag(_) => None,
    });
    let entities = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ];
    let text: String = text.collect();
    entities
        .iter()
        .fold(text, |text, (entity, letter)| text.replace(entity, letter))
}

enum Piece<'a> {
    Text(&'a str),
    /// What stands between the angle brackets.
    Tag(&'a str),
}

fn pieces(html: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else {
            break;
        };
        pieces.push(Piece::Text(&rest[..start]));
        pieces.push(Piece::Tag(&rest[start + 1..start + length]));
        rest = &rest[start + length + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn name(inner: &str) -> String {
    let letters = inner.trim_start_matches('/').chars();
    let name = letters.take_while(char::is_ascii_alphanumeric);
    name.collect::<String>().to_ascii_lowercase()
}

/// `href="…"`, up to the second quotation mark.
fn attribute(from: &str) -> &str {
    let ends = from.match_indices('"').nth(1);
    ends.map_or(from, |(end, _)| &from[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_documented_is_stripped_and_its_text_stays() {
        assert_eq!(
            stripped(
                "<p>A <b class=\"x\">bold</b> <script>alert(1)</script></p> 1 &lt; 2 <a href=\"https://x.example\" id=\"y\">x</a>"
            ),
            "A <b>bold</b> alert(1) 1 &lt; 2 <a href=\"https://x.example\">x</a>"
        );
    }

    #[test]
    fn as_plain_text_it_has_no_markup() {
        assert_eq!(plain("<b>R&amp;D</b> &lt;x&gt;"), "R&D <x>");
    }
}
