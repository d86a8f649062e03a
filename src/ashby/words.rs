//! Ashby's closed sets of words, read openly: a word added on their side becomes `Other` instead of an unreadable answer.

/// Declares an enum whose variants are spelt on the wire as they are here.
macro_rules! open_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
            /// A word this program does not know, as it came.
            Other(String),
        }

        impl $name {
            /// The word as Ashby spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => stringify!($word),)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $(stringify!($word) => Self::$word,)+
                    _ => Self::Other(word),
                }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                word.as_str().to_owned()
            }
        }
    };
}

pub(super) use open_words;

#[cfg(test)]
mod tests {
    use serde_json::json;

    open_words! {
        /// Colours of a traffic light.
        Light {
            /// Stop.
            Red,
            /// Go.
            Green,
        }
    }

    #[test]
    fn a_word_of_tomorrow_is_kept_as_it_came() {
        let light: Light = serde_json::from_value(json!("Blue")).unwrap();
        assert_eq!(light, Light::Other("Blue".to_owned()));
        assert_eq!(serde_json::to_value(&light).unwrap(), json!("Blue"));
    }

    #[test]
    fn a_known_word_goes_there_and_back() {
        for (word, light) in [("Red", Light::Red), ("Green", Light::Green)] {
            assert_eq!(serde_json::from_value::<Light>(json!(word)).unwrap(), light);
            assert_eq!(light.as_str(), word);
        }
    }
}
