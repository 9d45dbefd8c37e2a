//! Passwords: argon2id, and the same work for a name that does not exist as for one that does.

use argon2::{
    Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _,
    password_hash::{self, SaltString},
};

/// Characters of a password, least and most: guessing is throttled, and hashing must stay cheap for us.
pub(super) const LENGTH: std::ops::RangeInclusive<usize> = 10..=200;

/// The hash to keep, as a PHC string. Takes tens of milliseconds of a core and 19 MiB.
///
/// # Errors
/// A fault of the library's set-up.
pub(super) fn hash(password: &str, salt: &[u8; 16]) -> Result<String, password_hash::Error> {
    let salt = SaltString::encode_b64(salt)?;
    Ok(Argon2::default()
        .hash_password(password.as_bytes(), &salt)?
        .to_string())
}

/// Whether `password` is the one that was hashed. Without a hash the answer is no, after the same work.
pub(super) fn matches(password: &str, kept: Option<&str>) -> bool {
    let Some(kept) = kept else {
        hash(password, &[0; 16]).ok();
        return false;
    };
    PasswordHash::new(kept).is_ok_and(|kept| {
        Argon2::default()
            .verify_password(password.as_bytes(), &kept)
            .is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_matches() {
        let kept = hash("correct horse", &[1; 16]).unwrap();
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(matches("correct horse", Some(&kept)));
        assert!(!matches("Correct horse", Some(&kept)));
        assert!(!matches("correct horse", None));
        assert!(!matches("correct horse", Some("not a hash")));
        assert_ne!(kept, hash("correct horse", &[2; 16]).unwrap());
    }
}
