//! Notes say what was said, and nothing in it becomes markup.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    ELEMENTS, Event, Gist, MAX_TEMPLATE, MAX_TEXT, Template, TemplateFault, Values, Variable,
    render,
};

fn template(text: &str) -> Template {
    Template::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn values(pairs: &[(Variable, &str)]) -> Values {
    pairs
        .iter()
        .fold(Values::default(), |values, (name, value)| {
            values.with(*name, Some(value))
        })
}

/// Every tag of a text, as it stands.
fn tags(html: &str) -> Vec<&str> {
    let starts = html.match_indices('<').map(|(start, _)| start);
    starts
        .map(|start| {
            let end = html[start..]
                .find('>')
                .map_or(html.len(), |end| start + end + 1);
            &html[start..end]
        })
        .collect()
}

#[test]
fn a_value_is_text_whatever_it_looks_like() {
    let body = "<script>alert(\"1\")</script> R&D {{kind}} &amp; it's";
    let html = render(
        &template("<b>{{kind}}</b><pre>{{body}}</pre>"),
        &values(&[(Variable::Kind, "Reply"), (Variable::Body, body)]),
        &[],
    );
    insta::assert_snapshot!(html.unwrap(), @"<b>Reply</b><pre>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; R&amp;D {{kind}} &amp;amp; it&#39;s</pre>");
}

#[test]
fn an_element_without_anything_in_it_is_left_out() {
    let usual = template(Event::EmailReplied.usual_template());
    let kind = (Variable::Kind, "Reply");
    let html = render(&usual, &values(&[kind, (Variable::Body, "Yes!")]), &[]).unwrap();
    assert_eq!(
        html.split_whitespace().collect::<Vec<_>>().join(" "),
        "<b>Reply</b> <pre>Yes!</pre>"
    );
    assert_eq!(
        render(&template("<i>{{subject}}</i>{{body}}"), &values(&[]), &[]),
        None
    );
    assert_eq!(
        render(
            &template("<pre>{{body}}</pre>"),
            &values(&[(Variable::Body, " \r\n ")]),
            &[]
        ),
        None
    );
    assert_eq!(
        render(&template("<i>Subject: {{subject}}</i>"), &values(&[]), &[]).unwrap(),
        "<i>Subject: </i>"
    );
}

#[test]
fn lines_that_have_no_other_place_stand_beneath() {
    let lines = [("Title", "Head of R&D"), ("Company", "  ")];
    let html = render(
        &template("<b>{{kind}}</b>"),
        &values(&[(Variable::Kind, "Added")]),
        &lines,
    );
    assert_eq!(
        html.unwrap(),
        "<b>Added</b><ul><li>Title: Head of R&amp;D</li></ul>"
    );
}

#[test]
fn a_text_that_is_too_long_is_shortened_and_says_so() {
    let body = "é".repeat(MAX_TEXT + 500);
    let html = render(
        &template("<pre>{{body}}</pre>{{subject}}"),
        &values(&[(Variable::Body, &body)]),
        &[],
    )
    .unwrap();
    let told = format!(
        "\u{2026} [shortened: {MAX_TEXT} of {} characters]</pre>",
        MAX_TEXT + 500
    );
    assert!(html.ends_with(&told), "{}", &html[html.len() - 90..]);
    let whole = "é".repeat(MAX_TEXT);
    assert!(
        !render(
            &template("{{body}}"),
            &values(&[(Variable::Body, &whole)]),
            &[]
        )
        .unwrap()
        .contains("shortened")
    );
}

#[test]
fn what_is_wrong_with_a_template_is_named() {
    for (text, fault) in [
        (" \n", TemplateFault::Blank),
        (
            "{{bdoy}}",
            TemplateFault::UnknownVariable("bdoy".to_owned()),
        ),
        ("{{body", TemplateFault::OpenVariable),
        ("<p>{{body}}</p>", TemplateFault::Element("<p>".to_owned())),
        ("<script>", TemplateFault::Element("<script>".to_owned())),
        ("1 < 2", TemplateFault::Element("< 2".to_owned())),
        (
            "<b class=\"x\">x</b>",
            TemplateFault::Element("<b class=\"x\">".to_owned()),
        ),
        (
            "<b onclick=\"x\">x</b>",
            TemplateFault::Element("<b onclick=\"x\">".to_owned()),
        ),
        ("<br/>", TemplateFault::Element("<br/>".to_owned())),
        (
            "<!-- x -->",
            TemplateFault::Element("<!-- x -->".to_owned()),
        ),
        (
            "<a href='x'>x</a>",
            TemplateFault::Element("<a href='x'>".to_owned()),
        ),
        (
            "<a href=\"javascript:alert(1)\">x</a>",
            TemplateFault::Link("javascript:alert(1)".to_owned()),
        ),
        (
            "<a href=\"https://x.example/{{body}}\">x</a>",
            TemplateFault::Link("https://x.example/{{body}}".to_owned()),
        ),
        (
            "<a href=\"//x.example\">x</a>",
            TemplateFault::Link("//x.example".to_owned()),
        ),
        ("<b>x", TemplateFault::Unbalanced("b".to_owned())),
        ("x</b>", TemplateFault::Unbalanced("b".to_owned())),
        ("<b><i>x</b></i>", TemplateFault::Unbalanced("i".to_owned())),
    ] {
        assert_eq!(Template::parse(text), Err(fault), "{text}");
    }
    assert_eq!(
        Template::parse(&"x".repeat(MAX_TEMPLATE + 1)),
        Err(TemplateFault::TooLong)
    );
}

#[test]
fn what_a_template_may_have_is_kept() {
    for (text, html) in [
        ("Q&A &amp; 1 &lt; 2 > 1", "Q&amp;A &amp; 1 &lt; 2 &gt; 1"),
        ("<B>x</b >", "<b>x</b>"),
        (
            "<a href=\"https://x.example/?a=1&b=2\">x</a>",
            "<a href=\"https://x.example/?a=1&amp;b=2\">x</a>",
        ),
        (
            "<a href=\"mailto:ada@x.example\">x</a>",
            "<a href=\"mailto:ada@x.example\">x</a>",
        ),
        ("<ul><li>{{ kind }}</li></ul>", "<ul><li>K</li></ul>"),
    ] {
        let values = values(&[(Variable::Kind, "K")]);
        assert_eq!(render(&template(text), &values, &[]).unwrap(), html);
    }
}

#[test]
fn each_event_has_a_word_and_a_usual_template() {
    for event in Event::ALL {
        assert_eq!(Event::parse(event.word()), Some(event));
        let html = render(
            &template(event.usual_template()),
            &values(&[(Variable::Kind, event.said())]),
            &[],
        );
        assert!(html.unwrap().contains(event.said()));
    }
}

#[test]
fn a_note_is_known_again_in_whatever_form_ashby_gives_it_back() {
    let html = "<b>Reply</b><pre>R&amp;D &lt;now&gt; it&#39;s me</pre>";
    let sent = Gist::of_html(html);
    for kept in [
        html,
        "<p><strong>Reply</strong></p><pre>R&amp;D &lt;now&gt; it's me</pre>\n",
    ] {
        assert_eq!(Gist::of_html(kept), sent);
    }
    assert_eq!(Gist::of_text("Reply\nR&D <now> it's me"), sent);
    assert_ne!(Gist::of_html("<b>Reply</b> 2"), sent);
}

fn any_value() -> impl Strategy<Value = Option<String>> {
    let nasty = select(vec![
        "</pre>",
        "<script>",
        "{{body}}",
        "&lt;",
        "\">",
        "<a href=\"javascript:x\">",
        "\u{202e}",
        "\0",
    ]);
    let piece = prop_oneof![nasty.prop_map(str::to_owned), ".{0,20}"];
    option::of(vec(piece, 0..6).prop_map(|pieces| pieces.concat()))
}

fn all_values() -> impl Strategy<Value = Values> {
    vec(any_value(), Variable::ALL.len()).prop_map(|given| {
        let pairs = Variable::ALL.iter().zip(&given);
        pairs.fold(Values::default(), |values, (name, value)| {
            values.with(*name, value.as_deref())
        })
    })
}

fn any_template() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(Variable::NAMES).prop_map(|name| format!("{{{{{name}}}}}")),
        "[a-z &;>\"']{0,9}",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (select(&ELEMENTS[..]), vec(inner, 0..4))
            .prop_map(|(name, within)| format!("<{name}>{}</{name}>", within.concat()))
    })
}

proptest! {
    #[test]
    fn no_value_adds_a_tag(text in any_template(), values in all_values(), extra in any_value()) {
        if let Ok(template) = Template::parse(&text) {
            let lines = [("Title", extra.as_deref().unwrap_or_default())];
            let html = render(&template, &values, &lines).unwrap_or_default();
            let own = text.clone() + "<ul><li></li></ul>";
            let mut own = tags(&own).into_iter();
            for tag in tags(&html) {
                prop_assert!(own.any(|known| known == tag), "{tag} in {html} of {text}");
            }
            let again = Template::parse(&html.replace("{{", "{ {").chars().take(MAX_TEMPLATE).collect::<String>());
            if html.chars().count() <= MAX_TEMPLATE && !html.trim().is_empty() {
                prop_assert!(again.is_ok(), "{html}: {again:?}");
            }
        }
    }

    #[test]
    fn understanding_and_rendering_are_total(text in "(\\{\\{|\\}\\}|<|>|</|&|a href=\"|kind|b|é| ){0,40}", values in all_values()) {
        if let Ok(template) = Template::parse(&text) {
            render(&template, &values, &[]);
        }
    }

    #[test]
    fn what_was_sent_is_known_again(values in all_values()) {
        let template = template(Event::EmailSent.usual_template());
        let html = render(&template, &values, &[]).unwrap_or_default();
        // As Ashby might give it back: with other blank space, and without the markup.
        prop_assert_eq!(Gist::of_html(&html.replace("<pre>", "<p>\n").replace("</pre>", "</p>")), Gist::of_html(&html));
    }
}
