//! Operators' accounts: read once, kept in memory, written to the books first. Sign-in by password, or once by a link.
//!
//! Limits: passwords are checked [`HASHES_AT_ONCE`] at a time and guesses are counted
//! ([`super::guesses`]).

mod staff;

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use actix::Recipient;
use actix_web::{http::StatusCode, web::block};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use super::{guesses::Guesses, password, session_token::SessionKey, signed_out::SignedOut};
use crate::{
    actors::{message::SignOut, random},
    config::{Config, Secret},
    domain::{Operator, OperatorId, Role, UnixMs},
    http::problem::Problem,
    store::{AnyConnection, Pool, models::Account, queries},
};

/// Passwords that are checked at the same time; each takes 19 MiB and a core.
const HASHES_AT_ONCE: usize = 2;
/// How long a sign-in link is good for.
const LINK_MS: i64 = 30 * 60 * 1000;

pub(in crate::http) use staff::{AccountChange, NewAccount};

struct Link {
    token: String,
    until: UnixMs,
}

/// Operators and their sessions.
pub struct Accounts {
    books: Pool,
    admin_token: Option<Secret>,
    sessions: SessionKey,
    signed_out: SignedOut,
    /// `None` until the books have been read.
    known: RwLock<Option<HashMap<OperatorId, Account>>>,
    /// Held while an account is written: books and memory change together.
    writing: Mutex<()>,
    guesses: Mutex<Guesses>,
    hashing: Semaphore,
    link: Mutex<Option<Link>>,
    desks: Mutex<Vec<(OperatorId, Recipient<SignOut>)>>,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Accounts {
    /// Accounts in `books`, whose sessions are signed with `session_key`. The books are read when somebody first asks: they may
    /// be down.
    pub fn open(books: Pool, session_key: &[u8; 32], config: &Config) -> Self {
        Self {
            books,
            admin_token: config.http.admin_token.clone(),
            sessions: SessionKey::new(session_key),
            signed_out: SignedOut::open(config.data_dir.join("signed-out")),
            known: RwLock::new(None),
            writing: Mutex::new(()),
            guesses: Mutex::new(Guesses::default()),
            hashing: Semaphore::new(HASHES_AT_ONCE),
            link: Mutex::new(None),
            desks: Mutex::new(Vec::new()),
        }
    }

    /// A token that signs its bearer in as the first admin, once, within half an hour. It replaces an earlier one.
    pub fn issue_link(&self, now: UnixMs) -> String {
        let token = random::token();
        *lock(&self.link) = Some(Link {
            token: token.clone(),
            until: now.plus_ms(LINK_MS),
        });
        token
    }

    /// The admin that `ADMIN_TOKEN` stands for.
    pub(super) fn by_admin_token(&self, token: &str) -> Option<Operator> {
        let admin = self.admin_token.as_ref()?;
        let same: bool = admin.0.as_bytes().ct_eq(token.as_bytes()).into();
        same.then(|| Operator {
            id: OperatorId(0),
            name: "ADMIN_TOKEN".to_owned(),
            role: Role::Admin,
        })
    }

    /// The operator whose session this is, as they are now.
    pub(super) fn by_session(&self, token: &str, now: UnixMs) -> Option<Operator> {
        let (id, issued) = self.sessions.read(token, now)?;
        let account = self.account(id).filter(|account| !account.disabled)?;
        (!self.signed_out.ended(id, issued)).then_some(account.operator)
    }

    /// Reads the books, once.
    ///
    /// # Errors
    /// 503 while they are down.
    pub(super) async fn ready(self: &Arc<Self>) -> Result<(), Problem> {
        if self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
        {
            return Ok(());
        }
        let accounts = Arc::clone(self);
        block(move || accounts.load()).await?
    }

    /// Signs in by name and password; gives the operator and a session token.
    ///
    /// # Errors
    /// 401 without saying which of the two was wrong, 429 after too many guesses, 503 while the books are down.
    pub(in crate::http) async fn sign_in(
        self: &Arc<Self>,
        now: UnixMs,
        (name, password): (String, String),
        from: IpAddr,
    ) -> Result<(Operator, String), Problem> {
        self.ready().await?;
        if !lock(&self.guesses).admit(now, &name, from) {
            let detail = "Too many wrong passwords. Wait five minutes.";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, detail));
        }
        let account = self.by_name(&name).filter(|account| !account.disabled);
        let kept = account
            .as_ref()
            .and_then(|account| account.password_hash.clone());
        let _turn = self.hashing.acquire().await.map_err(Problem::internal)?;
        let right = block(move || password::matches(&password, kept.as_deref())).await?;
        match account.filter(|_| right) {
            Some(account) => {
                lock(&self.guesses).forgive(&name, from);
                Ok(self.begin(account.operator, now))
            }
            None => {
                tracing::warn!(peer = %from, "sign-in refused");
                Err(Problem::unauthorized("Name or password is wrong."))
            }
        }
    }

    /// Signs in by the link's token as the first admin, who is made where there is none.
    ///
    /// # Errors
    /// 401 when the token is not the link's or was used, 503 while the books are down.
    pub(in crate::http) async fn sign_in_by_link(
        self: &Arc<Self>,
        now: UnixMs,
        token: &str,
    ) -> Result<(Operator, String), Problem> {
        self.ready().await?;
        if !self.use_link(now, token) {
            return Err(Problem::unauthorized(
                "This sign-in link was used or is too old. Start the switch anew for another.",
            ));
        }
        let operator = match self.first_admin() {
            Some(admin) => admin,
            None => {
                let accounts = Arc::clone(self);
                block(move || accounts.make_first_admin(now)).await??
            }
        };
        Ok(self.begin(operator, now))
    }

    /// Ends every session of the operator and sends their dashboards away.
    pub(in crate::http) async fn sign_out(
        self: &Arc<Self>,
        operator: OperatorId,
        now: UnixMs,
    ) -> Result<(), Problem> {
        let accounts = Arc::clone(self);
        Ok(block(move || accounts.end_sessions(operator, now)).await?)
    }

    /// Tells `desk` when the operator may no longer be there.
    pub(in crate::http) fn watch(&self, operator: OperatorId, desk: Recipient<SignOut>) {
        let mut desks = lock(&self.desks);
        desks.retain(|(_, desk)| desk.connected());
        desks.push((operator, desk));
    }

    fn load(&self) -> Result<(), Problem> {
        let _writing = lock(&self.writing);
        let accounts = self.at_books(queries::list_accounts)?;
        let by_id = accounts
            .into_iter()
            .map(|account| (account.operator.id, account))
            .collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(by_id);
        Ok(())
    }

    fn at_books<R, E: fmt::Display>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<R, E>,
    ) -> Result<R, Problem> {
        let down = |error: &dyn fmt::Display| {
            tracing::warn!(%error, "the operators' accounts are out of reach");
            Problem::unavailable(
                "The database does not answer, so operators cannot be read. Calls go on; try again.",
            )
        };
        let mut connection = self.books.get().map_err(|error| down(&error))?;
        work(&mut connection).map_err(|error| down(&error))
    }

    fn account(&self, id: OperatorId) -> Option<Account> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()?
            .get(&id)
            .cloned()
    }

    fn by_name(&self, name: &str) -> Option<Account> {
        let wanted = name.trim().to_lowercase();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()?
            .values()
            .find(|account| account.operator.name.to_lowercase() == wanted)
            .cloned()
    }

    fn begin(&self, operator: Operator, now: UnixMs) -> (Operator, String) {
        tracing::info!(operator.id = %operator.id, operator.role = operator.role.label(), "signed in");
        let issued = self.signed_out.issue_at(operator.id, now);
        let token = self.sessions.make(operator.id, issued);
        (operator, token)
    }

    fn use_link(&self, now: UnixMs, token: &str) -> bool {
        let mut link = lock(&self.link);
        let good = link.as_ref().is_some_and(|link| {
            bool::from(link.token.as_bytes().ct_eq(token.as_bytes())) && now < link.until
        });
        if good {
            *link = None;
        }
        good
    }

    fn end_sessions(&self, operator: OperatorId, now: UnixMs) {
        self.signed_out.end(operator, now);
        self.dismiss(operator);
    }

    /// Sends the operator's dashboards away; with a session that still counts they come back with the role of now.
    fn dismiss(&self, operator: OperatorId) {
        for (_, desk) in lock(&self.desks)
            .iter()
            .filter(|(whose, _)| *whose == operator)
        {
            desk.do_send(SignOut);
        }
    }
}
