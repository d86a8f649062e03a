//! The simulator's only randomness: a seeded generator, so that the same seed and the same calls give the same ids.

use chrono::{DateTime, Utc};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use uuid::Uuid;

/// Crockford's alphabet, in which a ULID is written.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The alphabet of the short sync tokens that Ashby was seen to give.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Two streams of one seed: ids of objects, and names of requests. Reading more or less often moves only the second,
/// so a test that looks twice still meets the same objects.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    objects: ChaCha8Rng,
    requests: ChaCha8Rng,
}

impl Chance {
    /// Both streams at their start.
    pub(crate) fn new(seed: u64) -> Self {
        let objects = ChaCha8Rng::seed_from_u64(seed);
        let mut requests = ChaCha8Rng::seed_from_u64(seed);
        requests.set_stream(1);
        Self { objects, requests }
    }

    /// The id of a new object: a version 4 UUID by shape.
    pub(crate) fn object_id(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.objects.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// The id of a request, a ULID: ten characters of time, sixteen of chance.
    pub(crate) fn request_id(&mut self, now: DateTime<Utc>) -> String {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        let time = (0..10)
            .rev()
            .map(|place| pick(CROCKFORD, millis >> (5 * place)));
        let mut bytes = [0; 16];
        self.requests.fill_bytes(&mut bytes);
        time.chain(
            bytes
                .into_iter()
                .map(|byte| pick(CROCKFORD, u64::from(byte))),
        )
        .collect()
    }

    /// A sync token: nine characters, the length of the recorded ones.
    pub(crate) fn sync_token(&mut self) -> String {
        let mut bytes = [0; 9];
        self.requests.fill_bytes(&mut bytes);
        bytes
            .into_iter()
            .map(|byte| pick(BASE62, u64::from(byte)))
            .collect()
    }
}

fn pick<const N: usize>(alphabet: &[u8; N], number: u64) -> char {
    let place = usize::try_from(number % N as u64).unwrap_or_default();
    char::from(alphabet[place])
}
