//! Who may change what: a locked key is for admins alone, on whatever layer.

use super::keys::{Key, group};

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The name that the audit has them under.
    pub name: String,
    /// Whether locks are theirs to open.
    pub is_admin: bool,
}

impl Who {
    /// What keeps them from changing a key: the lock on it, itself or of its group, if there is one.
    pub fn kept_from<'a>(&self, key: &Key, locked: &'a [String]) -> Option<&'a str> {
        if self.is_admin {
            return None;
        }
        lock_of(key.name, locked)
    }
}

/// The lock on a key, itself or of its group.
pub fn lock_of<'a>(key: &str, locked: &'a [String]) -> Option<&'a str> {
    let covers = |name: &&String| *name == key || *name == group(key);
    locked.iter().find(covers).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::settings::keys::{KEYS, TRIGGER, key};

    fn who(is_admin: bool) -> Who {
        let name = "somebody".to_owned();
        Who { name, is_admin }
    }

    #[test]
    fn a_member_changes_whatever_is_not_locked() {
        let trigger = key(TRIGGER).unwrap();
        for (locked, held_by) in [
            (vec![], None),
            (vec!["brake"], None),
            (vec!["sync.only_synced"], None),
            (vec!["sync.trigger"], Some("sync.trigger")),
            (vec!["brake", "sync"], Some("sync")),
        ] {
            let locked: Vec<String> = locked.into_iter().map(str::to_owned).collect();
            assert_eq!(who(false).kept_from(trigger, &locked), held_by);
        }
    }

    #[test]
    fn an_admin_changes_everything() {
        let locked: Vec<String> = KEYS.iter().map(|key| key.name.to_owned()).collect();
        for key in KEYS {
            assert_eq!(who(true).kept_from(key, &locked), None);
            assert_eq!(who(false).kept_from(key, &locked), Some(key.name));
        }
    }
}
