//! `DATABASE_URL`: which database, and a form of it that may be logged.

use std::{fmt, path::PathBuf, str::FromStr};

/// Where the books are: `postgres://...`, `sqlite://PATH` or `sqlite::memory:`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// PostgreSQL, by libpq's URL (with its `sslmode` and other parameters).
    Postgres(PostgresUrl),
    /// A file.
    SqliteFile(PathBuf),
    /// A database that lives as long as the pool: for tests.
    SqliteMemory,
}

/// libpq's URL. It may hold a password: only [`DatabaseUrl`]'s `Display` may be logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

/// A `DATABASE_URL` that names no database we know. The text itself is not repeated: it may hold a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("DATABASE_URL must be postgres://..., sqlite://PATH or sqlite::memory:")]
pub struct BadDatabaseUrl;

/// A server that is gone must not hold a connection for ever: libpq's defaults wait minutes to
/// hours.
const LIBPQ_LIMITS: [(&str, &str); 6] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "15000"),
    ("application_name", "audioroad"),
];

impl FromStr for DatabaseUrl {
    type Err = BadDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, BadDatabaseUrl> {
        if text == "sqlite::memory:" {
            return Ok(Self::SqliteMemory);
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(PostgresUrl(text.to_owned())));
        }
        match text.strip_prefix("sqlite://") {
            Some(path) if !path.is_empty() => Ok(Self::SqliteFile(PathBuf::from(path))),
            Some(_) | None => Err(BadDatabaseUrl),
        }
    }
}

impl PostgresUrl {
    /// What libpq gets: the URL with a limit for every wait that it does not set itself.
    pub(super) fn with_limits(&self) -> String {
        let mut url = self.0.clone();
        for (key, value) in LIBPQ_LIMITS {
            if !self.parameters().any(|(name, _)| name == key) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(&format!("{key}={value}"));
            }
        }
        url
    }

    /// `text` with every password of this URL blotted out: libpq quotes a URL that it cannot read.
    pub(super) fn blot(&self, text: &str) -> String {
        let in_user = self
            .user_info()
            .and_then(|user| user.split_once(':'))
            .map(|(_, secret)| secret);
        let in_query = self
            .parameters()
            .filter(|(name, _)| name.contains("password"));
        in_user
            .into_iter()
            .chain(in_query.map(|(_, secret)| secret))
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn after_scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest)
    }

    fn before_query(&self) -> &str {
        self.after_scheme()
            .split_once('?')
            .map_or(self.after_scheme(), |(before, _)| before)
    }

    fn user_info(&self) -> Option<&str> {
        self.before_query().rsplit_once('@').map(|(user, _)| user)
    }

    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let query = self
            .after_scheme()
            .split_once('?')
            .map_or("", |(_, query)| query);
        query.split('&').filter_map(|pair| pair.split_once('='))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(url) => {
                let place = url.before_query();
                let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
                write!(f, "postgres://{place}")
            }
            Self::SqliteFile(path) => write!(f, "sqlite://{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(text: &str) -> PostgresUrl {
        match text.parse() {
            Ok(DatabaseUrl::Postgres(url)) => url,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn three_forms() {
        assert_eq!("sqlite::memory:".parse(), Ok(DatabaseUrl::SqliteMemory));
        assert_eq!(
            "sqlite:///var/a.db".parse(),
            Ok(DatabaseUrl::SqliteFile("/var/a.db".into()))
        );
        assert_eq!(
            "sqlite://data/a.db".parse(),
            Ok(DatabaseUrl::SqliteFile("data/a.db".into()))
        );
        for text in ["", "sqlite://", "mysql://a", "/var/a.db"] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(BadDatabaseUrl), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgres://ada:hunter2@db:5432/radio?sslmode=require",
            "postgres://ada:hunter2@db:5432/radio",
            "postgres://ada@db:5432/radio?password=hunter2",
            "postgresql://ada:hunt@er2hunter2@db:5432/radio",
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), "postgres://db:5432/radio");
            assert_eq!(format!("{url:?}"), "postgres://db:5432/radio");
            let blotted = postgres(text).blot(&format!("cannot read \"{text}\""));
            assert!(!blotted.contains("hunter2"), "{blotted}");
        }
    }

    #[test]
    fn every_wait_has_a_limit_and_the_url_may_set_its_own() {
        let url = postgres("postgres:///radio?host=/run/pg&connect_timeout=1").with_limits();
        assert!(
            url.starts_with("postgres:///radio?host=/run/pg&connect_timeout=1&keepalives_idle=10&")
        );
        assert!(!url.contains("connect_timeout=5"));
        assert!(
            postgres("postgres://db/radio")
                .with_limits()
                .contains("radio?connect_timeout=5&")
        );
    }
}
