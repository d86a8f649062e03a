//! Secrets at rest, and people as keyed hashes. What seals is derived from `MASTER_KEY`; what hashes is a key of the
//! installation, kept sealed beside them, so that hashes outlive a rotation of `MASTER_KEY`.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::StoreError;
use crate::{
    ids::{CandidateId, ConnectionId, DoverCandidateId, random_bytes},
    plan::{exclusion, identity::IdentityKey},
};

const NONCE_LENGTH: usize = 12;

/// What the hash key is sealed for.
const HASH_KEY: &str = "the hash key";

/// How much is kept of the hash of a trait, in bytes.
const TRAIT_LENGTH: usize = 16;

/// Something that is said of a candidate, as somebody wrote it.
#[derive(Clone, Copy, Debug)]
pub enum Trait<'a> {
    /// A tag, by its title.
    Tag(&'a str),
    /// A company.
    Company(&'a str),
    /// The domain of an e-mail address, or one above it.
    Domain(&'a str),
}

impl Trait<'_> {
    const fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Tag(text) => ("tag", text),
            Self::Company(text) => ("company", text),
            Self::Domain(text) => ("domain", text),
        }
    }
}

/// Seals and opens stored secrets, and hashes identities. One that was only made of a master key hashes with a key
/// derived from it; [`claim`](super::claim) answers the one to work with.
#[derive(Clone)]
#[must_use = "stored hashes were made with the vault that this answers"]
pub struct Vault {
    cipher: Aes256Gcm,
    /// Names the master key without telling it.
    master_fingerprint: String,
    hash_key: [u8; 32],
    /// Made of the hash key once: that takes as long as hashing an address does.
    hashing: Hmac<Sha256>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(redacted)")
    }
}

/// The master key is not 32 bytes of base64.
#[derive(Debug, thiserror::Error)]
#[error("expected 32 bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct BadMasterKey;

impl Vault {
    /// The vault of a master key of 32 bytes in base64.
    pub fn from_base64(master: &str) -> Result<Self, BadMasterKey> {
        let bytes = STANDARD.decode(master.trim()).map_err(|_| BadMasterKey)?;
        let master: [u8; 32] = bytes.try_into().map_err(|_| BadMasterKey)?;
        Ok(Self::new(&master))
    }

    /// The vault of a master key.
    pub fn new(master: &[u8; 32]) -> Self {
        let cipher = Aes256Gcm::new(&derive(master, "secrets at rest").into());
        let hash_key = derive(master, "identities");
        Self {
            cipher,
            master_fingerprint: fingerprint(&hash_key, "this installation"),
            hashing: keyed(&hash_key),
            hash_key,
        }
    }

    fn hashing_with(&self, hash_key: [u8; 32]) -> Self {
        Self {
            hash_key,
            hashing: keyed(&hash_key),
            ..self.clone()
        }
    }

    /// The same master key with a hash key of its own, for an installation that has hashed nothing yet.
    pub(super) fn with_fresh_hash_key(&self) -> Self {
        self.hashing_with(random_bytes())
    }

    /// The same master key with the hash key that [`Vault::sealed_hash_key`] sealed.
    pub(super) fn with_hash_key(&self, sealed: &[u8]) -> Result<Self, StoreError> {
        let mut hash_key = [0; 32];
        let opened = self.open(HASH_KEY, sealed)?;
        hex::decode_to_slice(opened.expose_secret(), &mut hash_key).map_err(|error| {
            StoreError::Unreadable {
                what: HASH_KEY,
                detail: error.to_string(),
            }
        })?;
        Ok(self.hashing_with(hash_key))
    }

    /// The same master key with the hash key of `other`.
    pub(super) fn hashing_like(&self, other: &Self) -> Self {
        self.hashing_with(other.hash_key)
    }

    /// The hash key, to be kept.
    pub(super) fn sealed_hash_key(&self) -> Vec<u8> {
        self.seal(HASH_KEY, &hex::encode(self.hash_key))
    }

    /// Tells one master key from another.
    pub(super) fn master_fingerprint(&self) -> &str {
        &self.master_fingerprint
    }

    /// A new master key, as it is configured.
    pub fn generate_master_key() -> String {
        STANDARD.encode(random_bytes::<32>())
    }

    /// Encrypts `secret` for `purpose`; it opens for the same purpose only. Authenticated: a changed byte is found.
    pub fn seal(&self, purpose: &str, secret: &str) -> Vec<u8> {
        let nonce = random_bytes::<NONCE_LENGTH>();
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: purpose.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&Nonce::from(nonce), payload)
            .expect("a short text is within AES-GCM's limits");
        [&nonce[..], &sealed].concat()
    }

    /// Decrypts what [`Vault::seal`] made for `purpose`.
    pub fn open(&self, purpose: &'static str, sealed: &[u8]) -> Result<SecretString, StoreError> {
        let unreadable = || StoreError::Unreadable {
            what: purpose,
            detail: "it was sealed with another MASTER_KEY; start with the present one".to_owned(),
        };
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_LENGTH>()
            .ok_or_else(unreadable)?;
        let payload = Payload {
            msg: sealed,
            aad: purpose.as_bytes(),
        };
        let secret = self
            .cipher
            .decrypt(&Nonce::from(*nonce), payload)
            .map_err(|_| unreadable())?;
        String::from_utf8(secret)
            .map(SecretString::from)
            .map_err(|_| unreadable())
    }

    /// What stands in the mirror for a person's address: the same within a connection, telling nothing across.
    pub fn identity_hash(&self, connection: ConnectionId, key: &IdentityKey) -> Vec<u8> {
        let (kind, text) = key.parts();
        self.hash(connection, &[kind, ":", text])
    }

    /// What stands in a tombstone for a candidate as Dover names them.
    pub fn dover_hash(&self, connection: ConnectionId, candidate: &DoverCandidateId) -> Vec<u8> {
        self.hash(connection, &["dover:", candidate.as_str()])
    }

    /// What stands in a tombstone for a candidate as Ashby names them.
    pub fn ashby_hash(&self, connection: ConnectionId, candidate: &CandidateId) -> Vec<u8> {
        self.hash(connection, &["ashby:", candidate.as_str()])
    }

    /// What stands in exclusion lists, and beside the mirror's own, for the SHA-256 of a person's address: whoever has the
    /// database cannot try addresses through, and whoever asks need not tell the address.
    pub fn digest_hash(&self, connection: ConnectionId, digest: &[u8; 32]) -> Vec<u8> {
        self.hash(connection, &["digest:", &hex::encode(digest)])
    }

    /// What stands in the mirror for something that is said of a candidate: half a hash is enough, for a rule asks about
    /// words that an admin chose.
    pub fn trait_hash(&self, connection: ConnectionId, it: &Trait<'_>) -> Vec<u8> {
        let (kind, text) = it.parts();
        let mut hash = self.hash(connection, &[kind, ":", &exclusion::folded(text)]);
        hash.truncate(TRAIT_LENGTH);
        hash
    }

    /// What is kept of a value that was written to a field: enough to know it again, and nothing to read.
    pub fn value_hash(&self, connection: ConnectionId, field: &str, value: &str) -> Vec<u8> {
        self.hash(connection, &["field:", field, ":", value])
    }

    /// Of a text that says what kind of thing it names, in pieces: each delivery has several hashed.
    fn hash(&self, connection: ConnectionId, text: &[&str]) -> Vec<u8> {
        let mut mac = self.hashing.clone();
        mac.update(connection.0.as_bytes());
        for piece in text {
            mac.update(piece.as_bytes());
        }
        mac.finalize().into_bytes().to_vec()
    }

    /// Tells whether a secret is the one that was applied before, without keeping it.
    pub fn fingerprint(&self, secret: &str) -> String {
        fingerprint(&self.hash_key, secret)
    }
}

fn fingerprint(key: &[u8; 32], secret: &str) -> String {
    let mut mac = keyed(key);
    mac.update(b"fingerprint");
    mac.update(secret.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// What a statement came to that keeps a sealed secret only where the database is under the same master key: a process
/// that missed a rotation must not keep what nobody can open.
pub(super) const fn sealed_under(the_present_key: bool) -> Result<(), StoreError> {
    if the_present_key {
        Ok(())
    } else {
        Err(StoreError::AnotherMasterKey)
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn derive(master: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut mac = keyed(master);
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_and_key_only() {
        let vault = Vault::new(&[7; 32]);
        let sealed = vault.seal("an Ashby key", "s3cret");
        assert_eq!(
            vault.open("an Ashby key", &sealed).unwrap().expose_secret(),
            "s3cret"
        );
        assert!(vault.open("a webhook secret", &sealed).is_err());
        assert!(Vault::new(&[8; 32]).open("an Ashby key", &sealed).is_err());
    }

    #[test]
    fn the_same_secret_is_sealed_differently_each_time() {
        let vault = Vault::new(&[7; 32]);
        assert_ne!(vault.seal("x", "s3cret"), vault.seal("x", "s3cret"));
    }

    #[test]
    fn a_person_has_another_hash_in_each_connection() {
        let vault = Vault::new(&[7; 32]);
        let key = IdentityKey::Email("ada@example.com".into());
        let (one, other) = (ConnectionId::fresh(), ConnectionId::fresh());
        assert_eq!(
            vault.identity_hash(one, &key),
            vault.identity_hash(one, &key)
        );
        assert_ne!(
            vault.identity_hash(one, &key),
            vault.identity_hash(other, &key)
        );
    }

    /// Made apart from this program: whatever was hashed stays known.
    #[test]
    fn hashes_are_those_of_every_version() {
        let (vault, connection) = (Vault::new(&[7; 32]), ConnectionId(uuid::Uuid::nil()));
        let email = IdentityKey::Email("ada@example.com".into());
        let profile = IdentityKey::LinkedIn("ada-lovelace".into());
        let hashes = [
            vault.identity_hash(connection, &email),
            vault.identity_hash(connection, &profile),
            vault.dover_hash(connection, &"cand_1".into()),
            vault.ashby_hash(connection, &"c1".into()),
            vault.digest_hash(connection, &[5; 32]),
            vault.trait_hash(connection, &Trait::Tag(" Alumni ")),
            vault.value_hash(connection, "f", "v"),
        ];
        assert_eq!(
            hashes.map(hex::encode),
            [
                "f8f9d970f9cd9a532c7f039693293813b6f247e8acfb1cfa848eda1e9f233595",
                "bd934487f13e81811dfd638b2e7452efc86c7d57d3deb46f23bc9bd8e8270892",
                "952b43ebee32838aaaebfa0a7e5d79c50b834f52d1ae81f78aac2fee4d40f11e",
                "e4e78739e94db9bd346555cd69db91b0f02e161f05f0927682a218e687d61b65",
                "6458721a6ffc3f881660d5f4d1e12d526b2dda97f70743b7a6340b2b97567f7f",
                "8880ba3614d63fa5dd752c2c8be674e5",
                "e121aafc280e6cb1ff057fa11cd5c4b5587657bde85656d32927db1cd23a6664",
            ]
        );
    }

    #[test]
    fn a_hash_key_passes_from_one_master_key_to_the_next() {
        let (old, new) = (Vault::new(&[7; 32]), Vault::new(&[8; 32]));
        let old = old.with_fresh_hash_key();
        let passed = new.with_hash_key(&new.seal(HASH_KEY, &hex::encode(old.hash_key)));
        assert_eq!(passed.unwrap().fingerprint("x"), old.fingerprint("x"));
        assert_ne!(new.fingerprint("x"), old.fingerprint("x"));
        assert!(new.with_hash_key(&old.sealed_hash_key()).is_err());
    }

    #[test]
    fn a_master_key_of_another_length_is_refused() {
        assert!(Vault::from_base64("c2hvcnQ=").is_err());
        assert!(Vault::from_base64(&Vault::generate_master_key()).is_ok());
    }
}
