//! Whether a webhook is Ashby's: `Ashby-Signature: sha256=` and the hexadecimal HMAC-SHA256 of the raw body, under the
//! secret token as it stands in Ashby. Ashby signs only where a secret is configured.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "ashby-signature";

/// Why a webhook is not taken for Ashby's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// There is none.
    #[error("the header Ashby-Signature is missing: give the webhook a secret token in Ashby")]
    Missing,
    /// It is in another form.
    #[error("Ashby-Signature is not sha256= and 64 hexadecimal digits")]
    NotHex,
    /// It was made with another secret, or of another body.
    #[error("Ashby-Signature does not match: the secret token in Ashby is another")]
    NoMatch,
}

/// Checks that `body`, as it came off the wire, was signed with one of `secrets`. Every secret is tried, each in constant
/// time, so that the time taken tells nothing of them.
pub fn verify(
    signature: Option<&[u8]>,
    body: &[u8],
    secrets: &[SecretString],
) -> Result<(), SignatureFault> {
    let signature = signature.ok_or(SignatureFault::Missing)?;
    let digits = signature
        .strip_prefix(b"sha256=")
        .ok_or(SignatureFault::NotHex)?;
    let mut given = [0; 32];
    hex::decode_to_slice(digits, &mut given).map_err(|_| SignatureFault::NotHex)?;
    let mut matches = Choice::from(0);
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())
            .expect("HMAC takes a key of any length");
        mac.update(body);
        let expected: [u8; 32] = mac.finalize().into_bytes().into();
        matches |= expected.ct_eq(&given);
    }
    if bool::from(matches) {
        Ok(())
    } else {
        Err(SignatureFault::NoMatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with another tool: `printf %s '{"action":"ping"}' | openssl dgst -sha256 -hmac geheim`.
    const BODY: &[u8] = br#"{"action":"ping"}"#;
    const SIGNATURE: &str =
        "sha256=f264e3345c4102df048b1771c4dc285ce3dd6e846c8afaf6cacce12a34158b00";

    fn secrets(texts: &[&str]) -> Vec<SecretString> {
        texts.iter().map(|text| (*text).into()).collect()
    }

    #[test]
    fn a_signature_under_any_live_secret_counts() {
        for live in [&["geheim"][..], &["new", "geheim"], &["geheim", "new"]] {
            assert_eq!(
                verify(Some(SIGNATURE.as_bytes()), BODY, &secrets(live)),
                Ok(())
            );
        }
    }

    #[test]
    fn another_secret_body_or_form_does_not() {
        let given = Some(SIGNATURE.as_bytes());
        for (signature, body, live, fault) in [
            (None, BODY, "geheim", SignatureFault::Missing),
            (given, BODY, "Geheim", SignatureFault::NoMatch),
            (given, &b"{}"[..], "geheim", SignatureFault::NoMatch),
            (
                given.map(|text| &text[7..]),
                BODY,
                "geheim",
                SignatureFault::NotHex,
            ),
            (
                given.map(|text| &text[..70]),
                BODY,
                "geheim",
                SignatureFault::NotHex,
            ),
            (
                Some(&b"sha256=zz"[..]),
                BODY,
                "geheim",
                SignatureFault::NotHex,
            ),
        ] {
            assert_eq!(verify(signature, body, &secrets(&[live])), Err(fault));
        }
        assert_eq!(verify(given, BODY, &[]), Err(SignatureFault::NoMatch));
    }
}
