//! What a single value of a payload must look like. Each function takes a value and gives what it means, or a sentence
//! that says what was expected; none of them quotes what was found, for that may be personal.

use chrono::{DateTime, NaiveDateTime, Utc};

use super::document::{Node, kind_of};

/// Length of the longest e-mail address that mail can be sent to, in bytes (RFC 5321 with its erratum 1690).
const MAX_EMAIL_BYTES: usize = 254;

/// What an e-mail address is expected to be.
const EMAIL: &str = "expected an e-mail address such as ada@example.com";

/// What a time is expected to be.
pub(super) const MOMENT: &str = "an RFC 3339 time with a zone, such as 2026-11-21T09:59:58Z";

/// A string.
pub(super) fn string<'v>(value: &'v Node<'_>) -> Result<&'v str, String> {
    match value {
        Node::Text(text) => Ok(text),
        other => Err(format!("expected a string, found {}", kind_of(other))),
    }
}

/// A string of at most `limit` characters, without the space around it. One with nothing in it says nothing: senders
/// leave a field out in this way too.
pub(super) fn text<'v>(value: &'v Node<'_>, limit: usize) -> Result<Option<&'v str>, String> {
    let text = string(value)?.trim();
    within(text, limit)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A string that names something: not blank, and taken exactly as it is.
pub(super) fn name<'v>(value: &'v Node<'_>, limit: usize) -> Result<&'v str, String> {
    let text = string(value)?;
    if text.trim().is_empty() {
        return Err("expected a non-empty string, found an empty one".to_owned());
    }
    within(text, limit)?;
    Ok(text)
}

fn within(text: &str, limit: usize) -> Result<(), String> {
    // A character takes at least a byte, so that most strings need not be counted.
    if text.len() <= limit {
        return Ok(());
    }
    match text.chars().count() {
        length if length <= limit => Ok(()),
        length => Err(format!(
            "expected at most {limit} characters, found {length}"
        )),
    }
}

/// Something that looks like an e-mail address. Whether mail arrives there is not for us to know.
pub(super) fn email<'v>(value: &'v Node<'_>) -> Result<&'v str, String> {
    let address = string(value)?.trim();
    if address.len() > MAX_EMAIL_BYTES {
        let length = address.len();
        return Err(format!(
            "{EMAIL} of at most {MAX_EMAIL_BYTES} bytes, found {length}"
        ));
    }
    let parts = address
        .split_once('@')
        .filter(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
    let blank = |letter: char| letter.is_whitespace() || letter.is_control();
    if parts.is_none() || address.contains(blank) {
        return Err(EMAIL.to_owned());
    }
    Ok(address)
}

/// A moment, to the microsecond. That is what the database holds, and a moment that lost its last digits there would
/// look older than itself when the payload is read again.
pub(super) fn moment(value: &Node<'_>) -> Result<DateTime<Utc>, String> {
    let text = string(value)?;
    DateTime::parse_from_rfc3339(text)
        .ok()
        .and_then(|moment| DateTime::from_timestamp_micros(moment.timestamp_micros()))
        .ok_or_else(|| {
            if lacks_zone(text) {
                "has no zone, and without one it is no moment: end it in Z or an offset such as +01:00".to_owned()
            } else {
                format!("expected {MOMENT}")
            }
        })
}

fn lacks_zone(text: &str) -> bool {
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"]
        .into_iter()
        .any(|form| NaiveDateTime::parse_from_str(text, form).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Node<'_> {
        Node::Text(text.into())
    }

    #[test]
    fn an_address_is_recognised_and_trimmed() {
        for (address, expected) in [
            ("ada@example.com", "ada@example.com"),
            ("  Ada.L+x@Example.COM ", "Ada.L+x@Example.COM"),
            ("ada@localhost", "ada@localhost"),
            ("rené@exämple.de", "rené@exämple.de"),
        ] {
            assert_eq!(email(&said(address)), Ok(expected));
        }
        let longest = format!("{}@example.com", "a".repeat(242));
        assert!(email(&said(&longest)).is_ok());
        assert!(email(&said(&format!("a{longest}"))).is_err());
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for address in [
            "",
            " ",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "a@b@c",
            "ada@exam ple.com",
            "a da@example.com",
            "ada@example.com, bob@example.com",
            "ada@\u{7}",
        ] {
            assert!(email(&said(address)).is_err(), "{address:?}");
        }
    }

    #[test]
    fn a_moment_is_taken_in_any_zone() {
        let expected = DateTime::from_timestamp(1_795_255_198, 0).unwrap();
        for time in [
            "2026-11-21T09:59:58Z",
            "2026-11-21T09:59:58.000000999Z",
            "2026-11-21t09:59:58z",
            "2026-11-21T10:59:58+01:00",
            "2026-11-21T04:29:58-05:30",
        ] {
            assert_eq!(moment(&said(time)), Ok(expected), "{time}");
        }
    }

    #[test]
    fn a_time_without_zone_is_told_so() {
        for time in [
            "2026-11-21T09:59:58",
            "2026-11-21T09:59:58.123",
            "2026-11-21 09:59:58",
        ] {
            assert!(
                moment(&said(time)).unwrap_err().contains("no zone"),
                "{time}"
            );
        }
        for time in [
            "",
            "yesterday",
            "2026-11-21",
            "2026-13-21T09:59:58Z",
            "1795255198",
        ] {
            assert!(
                moment(&said(time)).unwrap_err().contains("RFC 3339"),
                "{time}"
            );
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(text(&said("éééé"), 4), Ok(Some("éééé")));
        assert_eq!(
            text(&said("ééééé"), 4),
            Err("expected at most 4 characters, found 5".to_owned())
        );
    }
}
