//! Lists a page at a time, by key and not by number: what is added or removed between two pages neither repeats nor
//! hides anything.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::fields::Fields;

const LIMITS: RangeInclusive<i64> = 1..=200;
const USUAL_LIMIT: i64 = 50;

/// Longer than any cursor that we make: the longest key is a text of 200 characters.
const MAX_CURSOR: usize = 2_000;

/// The parameters of every list, as the document describes them.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, read by `Paging`")]
pub struct PagingParams {
    /// How many items at most.
    #[param(minimum = 1, maximum = 200, default = 50, required = false)]
    limit: i64,
    /// Where to go on: `next_cursor` of the page before, as it came. It belongs to the list that gave it.
    #[param(min_length = 1, max_length = 2000, required = false)]
    cursor: String,
}

/// Which page of a list whose items are found by keys of type `K`.
#[derive(Debug)]
pub struct Paging<K> {
    list: &'static str,
    limit: i64,
    beyond: Option<K>,
}

impl<K: FromStr + Display> Paging<K> {
    /// Reads the parameters `limit` and `cursor`. `list` names the list, so that the cursor of another one is not
    /// taken for one of this.
    pub fn read(list: &'static str, fields: &mut Fields) -> Self {
        let limit = fields.number("limit", &LIMITS).unwrap_or(USUAL_LIMIT);
        let cursor = fields.text("cursor", &(1..=MAX_CURSOR));
        let beyond = cursor.and_then(|cursor| {
            let key = key_in(&cursor, list).and_then(|key| key.parse().ok());
            if key.is_none() {
                fields.fault("cursor", "expected the next_cursor of a page of this list");
            }
            key
        });
        Self {
            list,
            limit,
            beyond,
        }
    }

    /// The key that the page lies beyond; `start`, which lies before every key, for the first page.
    pub fn beyond_or(&self, start: K) -> K
    where
        K: Clone,
    {
        self.beyond.clone().unwrap_or(start)
    }

    /// How many rows to ask for: one more than are shown tells whether there is another page.
    pub const fn rows(&self) -> i64 {
        self.limit + 1
    }

    /// Splits off the row that is one too many. Answers the cursor of the page after, where there is one.
    pub fn cut<R>(&self, rows: &mut Vec<R>, key: impl FnOnce(&R) -> K) -> Option<String> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        if rows.len() <= shown {
            return None;
        }
        rows.truncate(shown);
        rows.last().map(|last| cursor(self.list, &key(last)))
    }
}

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// The `cursor` of the next page; `null` on the last one.
    #[schema(required)]
    pub next_cursor: Option<String>,
}

fn cursor(list: &str, key: &impl Display) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{key}"))
}

fn key_in(cursor: &str, list: &str) -> Option<String> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let key = text.strip_prefix(list)?.strip_prefix(':')?;
    // Postgres takes no NUL in a text.
    (!key.contains('\0')).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::fields::Readable;

    struct Numbers(Paging<i64>);

    impl Readable for Numbers {
        const FIELDS: &'static [&'static str] = &["limit", "cursor"];

        fn read(fields: &mut Fields) -> Option<Self> {
            Some(Self(Paging::read("numbers", fields)))
        }
    }

    fn paging(pairs: &[(&str, &str)]) -> Option<Paging<i64>> {
        let pairs = pairs.iter();
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Fields::of_query::<Numbers>(pairs).ok().map(|read| read.0)
    }

    #[test]
    fn a_cursor_leads_to_the_item_after_the_last_one_shown() {
        let first = paging(&[("limit", "2")]).unwrap();
        assert_eq!((first.rows(), first.beyond_or(0)), (3, 0));
        let mut rows = vec![10, 20, 30];
        let cursor = first.cut(&mut rows, |row| *row).unwrap();
        assert_eq!(rows, [10, 20]);
        assert_eq!(paging(&[("cursor", &cursor)]).unwrap().beyond_or(0), 20);
    }

    #[test]
    fn the_last_page_has_no_cursor() {
        let mut rows = vec![10, 20];
        let page = paging(&[("limit", "2")]).unwrap();
        assert_eq!(page.cut(&mut rows, |row| *row), None);
        assert_eq!(rows, [10, 20]);
    }

    #[test]
    fn a_key_survives_whatever_is_in_it() {
        for key in ["", "plain", "a:b", "\u{1F600}\n", "100% / ?"] {
            assert_eq!(key_in(&cursor("jobs", &key), "jobs").as_deref(), Some(key));
        }
    }

    #[test]
    fn a_cursor_that_we_did_not_make_for_this_list_is_refused() {
        let of_another = cursor("letters", &7);
        let of_no_number = cursor("numbers", &"seven");
        let with_nul = cursor("numbers", &"\0");
        for cursor in [
            "",
            "7",
            "!",
            "bnVtYmVyczo3=",
            &of_another,
            &of_no_number,
            &with_nul,
        ] {
            assert!(paging(&[("cursor", cursor)]).is_none(), "{cursor}");
        }
    }

    #[test]
    fn a_page_has_from_1_to_200_items() {
        for limit in ["0", "201", "-1", "all"] {
            assert!(paging(&[("limit", limit)]).is_none(), "{limit}");
        }
        assert_eq!(paging(&[]).unwrap().rows(), 51);
    }
}
