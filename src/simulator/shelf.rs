//! Where objects of one kind stand: by id, by age (the order of Ashby's lists) and by latest change (what a sync token
//! asks for). Knows nothing of what it holds.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Bound,
};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// When a change happened, and its number among all changes to the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// The moment, to the millisecond.
    pub at: DateTime<Utc>,
    /// The number of the change; a later change has a higher one.
    pub serial: u64,
    /// Whether `updatedAt` becomes `at` whatever it was before. Otherwise it only ever grows.
    pub exact: bool,
}

/// The place of an object in a list: by `createdAt`, then by the order of arrival.
pub(crate) type Age = (DateTime<Utc>, u64);

/// An object and its times.
#[derive(Clone, Debug)]
pub(crate) struct Row<T> {
    pub id: Uuid,
    pub item: T,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When it really came to be: `createdAt` can be given by the caller, and lists lag behind this instead.
    pub born_at: DateTime<Utc>,
    born: u64,
    /// The number of its latest change.
    pub changed: u64,
}

impl<T> Row<T> {
    /// Its place in a list.
    pub(crate) fn age(&self) -> Age {
        (self.created_at, self.born)
    }
}

/// All objects of one kind.
#[derive(Clone, Debug)]
pub(crate) struct Shelf<T> {
    rows: HashMap<Uuid, Row<T>>,
    by_age: BTreeSet<(Age, Uuid)>,
    by_change: BTreeMap<u64, Uuid>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            rows: HashMap::new(),
            by_age: BTreeSet::new(),
            by_change: BTreeMap::new(),
        }
    }
}

impl<T> Shelf<T> {
    /// Puts a new object up. `created_at` is what it will show; `stamp` is when it really happened.
    pub(crate) fn insert(&mut self, id: Uuid, item: T, created_at: DateTime<Utc>, stamp: Stamp) {
        let row = Row {
            id,
            item,
            created_at,
            updated_at: stamp.at,
            born_at: stamp.at,
            born: stamp.serial,
            changed: stamp.serial,
        };
        self.by_age.insert((row.age(), id));
        self.by_change.insert(stamp.serial, id);
        self.rows.insert(id, row);
    }

    /// The object with its times.
    pub(crate) fn get(&self, id: Uuid) -> Option<&Row<T>> {
        self.rows.get(&id)
    }

    /// The object alone.
    pub(crate) fn item(&self, id: Uuid) -> Option<&T> {
        self.get(id).map(|row| &row.item)
    }

    /// The object, to be changed; its `updatedAt` moves.
    pub(crate) fn edit(&mut self, id: Uuid, stamp: Stamp) -> Option<&mut T> {
        let row = self.rows.get_mut(&id)?;
        row.updated_at = if stamp.exact {
            stamp.at
        } else {
            stamp.at.max(row.updated_at + TimeDelta::milliseconds(1))
        };
        self.by_change.remove(&row.changed);
        row.changed = stamp.serial;
        self.by_change.insert(stamp.serial, id);
        Some(&mut row.item)
    }

    /// The object, to be changed in a way that neither `updatedAt` nor a sync token shows.
    pub(crate) fn edit_quietly(&mut self, id: Uuid) -> Option<&mut T> {
        self.rows.get_mut(&id).map(|row| &mut row.item)
    }

    /// Gives the object another `createdAt`, and so another place in the lists.
    pub(crate) fn redate(&mut self, id: Uuid, created_at: DateTime<Utc>) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        self.by_age.remove(&(row.age(), id));
        row.created_at = created_at;
        self.by_age.insert((row.age(), id));
    }

    /// Takes the object away, without a trace: Ashby's lists have no tombstones.
    pub(crate) fn remove(&mut self, id: Uuid) -> Option<T> {
        let row = self.rows.remove(&id)?;
        self.by_age.remove(&(row.age(), id));
        self.by_change.remove(&row.changed);
        Some(row.item)
    }

    /// Every object, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Row<T>> {
        self.by_age.iter().map(|(_, id)| &self.rows[id])
    }

    /// The objects that come after `age`, oldest first.
    pub(crate) fn after(&self, age: Option<Age>) -> impl Iterator<Item = &Row<T>> {
        let start = age.map_or(Bound::Unbounded, |age| Bound::Excluded((age, Uuid::max())));
        self.by_age
            .range((start, Bound::Unbounded))
            .map(|(_, id)| &self.rows[id])
    }

    /// The objects that changed after the change numbered `serial`, oldest object first.
    pub(crate) fn changed_since(&self, serial: u64) -> Vec<&Row<T>> {
        let mut rows: Vec<_> = self
            .by_change
            .range(serial + 1..)
            .map(|(_, id)| &self.rows[id])
            .collect();
        rows.sort_by_key(|row| row.age());
        rows
    }
}
