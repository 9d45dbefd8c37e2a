//! Making and changing accounts: books first, then memory, one at a time.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use actix_web::web::block;

use super::{Accounts, lock};
use crate::{
    actors::random,
    domain::{Operator, OperatorId, Role, UnixMs, caller::limits},
    http::{auth::password, problem::Problem},
    store::{models::Account, queries},
};

/// Accounts at most: as many as are read.
const ACCOUNTS_MAX: usize = 1000;

/// An account to be made.
pub(in crate::http) struct NewAccount {
    pub(in crate::http) name: String,
    pub(in crate::http) role: Role,
    pub(in crate::http) password: Option<String>,
}

/// What changes about an account; absent things stay.
pub(in crate::http) struct AccountChange {
    pub(in crate::http) role: Option<Role>,
    pub(in crate::http) password: Option<String>,
    pub(in crate::http) disabled: Option<bool>,
}

impl Accounts {
    /// All accounts, by name.
    pub(in crate::http) async fn list(self: &Arc<Self>) -> Result<Vec<Account>, Problem> {
        self.ready().await?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut accounts: Vec<Account> = known.iter().flat_map(HashMap::values).cloned().collect();
        accounts.sort_by_cached_key(|account| account.operator.name.to_lowercase());
        Ok(accounts)
    }

    /// Makes an account.
    ///
    /// # Errors
    /// 400 for an unusable name or password, 409 for a name that is taken, 503 while the books are down.
    pub(in crate::http) async fn create(
        self: &Arc<Self>,
        now: UnixMs,
        new: NewAccount,
    ) -> Result<Account, Problem> {
        self.ready().await?;
        let name = new.name.trim().to_owned();
        if name.is_empty()
            || name.chars().count() > limits::NAME
            || name.chars().any(char::is_control)
        {
            return Err(Problem::bad_request(
                "An operator needs a name of at most 120 characters.",
            ));
        }
        let password_hash = self.hash(new.password).await?;
        let operator = Operator {
            id: OperatorId(random::id()),
            name,
            role: new.role,
        };
        let account = Account {
            operator,
            password_hash,
            disabled: false,
            created_at: now,
        };
        let accounts = Arc::clone(self);
        block(move || accounts.insert(account)).await?
    }

    /// Changes an account. A new role, a new password and disabling end the operator's sessions or dashboards.
    ///
    /// # Errors
    /// 400 for an unusable password, 404, 409 for the last admin, 503 while the books are down.
    pub(in crate::http) async fn change(
        self: &Arc<Self>,
        now: UnixMs,
        id: OperatorId,
        change: AccountChange,
    ) -> Result<Account, Problem> {
        self.ready().await?;
        self.account(id).ok_or_else(no_such_operator)?;
        let password_hash = self.hash(change.password.clone()).await?;
        let accounts = Arc::clone(self);
        block(move || accounts.update(now, id, &change, password_hash)).await?
    }

    fn admins(&self) -> Vec<Account> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known
            .iter()
            .flat_map(HashMap::values)
            .filter(|account| is_admin(account))
            .cloned()
            .collect()
    }

    pub(super) fn first_admin(&self) -> Option<Operator> {
        let oldest = self
            .admins()
            .into_iter()
            .min_by_key(|account| (account.created_at, account.operator.id));
        oldest.map(|account| account.operator)
    }

    pub(super) fn make_first_admin(&self, now: UnixMs) -> Result<Operator, Problem> {
        let id = OperatorId(random::id());
        let taken = self.by_name("Admin").is_some();
        let name = if taken {
            format!("Admin {id}")
        } else {
            "Admin".to_owned()
        };
        let operator = Operator {
            id,
            name,
            role: Role::Admin,
        };
        let account = Account {
            operator,
            password_hash: None,
            disabled: false,
            created_at: now,
        };
        Ok(self.insert(account)?.operator)
    }

    async fn hash(&self, password: Option<String>) -> Result<Option<String>, Problem> {
        let Some(password) = password else {
            return Ok(None);
        };
        if !password::LENGTH.contains(&password.chars().count()) {
            return Err(Problem::bad_request("A password has 10 to 200 characters."));
        }
        let _turn = self.hashing.acquire().await.map_err(Problem::internal)?;
        let salt = random::id().to_be_bytes();
        let hashed = block(move || password::hash(&password, &salt)).await?;
        Ok(Some(hashed.map_err(Problem::internal)?))
    }

    fn insert(&self, account: Account) -> Result<Account, Problem> {
        let _writing = lock(&self.writing);
        if self.by_name(&account.operator.name).is_some() {
            return Err(Problem::conflict(format!(
                "There is already an operator named {}.",
                account.operator.name
            )));
        }
        let count = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map_or(0, HashMap::len);
        if count >= ACCOUNTS_MAX {
            return Err(Problem::conflict(format!(
                "There can be {ACCOUNTS_MAX} operators at most."
            )));
        }
        self.at_books(|connection| queries::insert_account(connection, &account))?;
        self.remember(&account);
        Ok(account)
    }

    fn update(
        &self,
        now: UnixMs,
        id: OperatorId,
        change: &AccountChange,
        password_hash: Option<String>,
    ) -> Result<Account, Problem> {
        let _writing = lock(&self.writing);
        let before = self.account(id).ok_or_else(no_such_operator)?;
        let mut account = before.clone();
        account.operator.role = change.role.unwrap_or(account.operator.role);
        account.disabled = change.disabled.unwrap_or(account.disabled);
        let new_password = password_hash.is_some();
        account.password_hash = password_hash.or(account.password_hash);
        if is_admin(&before) && !is_admin(&account) && self.admins().len() == 1 {
            return Err(Problem::conflict(
                "This is the last admin. Make another one first.",
            ));
        }
        if !self.at_books(|connection| queries::update_account(connection, &account))? {
            return Err(no_such_operator());
        }
        self.remember(&account);
        if new_password || account.disabled {
            self.end_sessions(id, now);
        } else if account.operator.role != before.operator.role {
            self.dismiss(id);
        }
        Ok(account)
    }

    fn remember(&self, account: &Account) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut() {
            known.insert(account.operator.id, account.clone());
        }
    }
}

fn is_admin(account: &Account) -> bool {
    account.operator.role == Role::Admin && !account.disabled
}

fn no_such_operator() -> Problem {
    Problem::not_found("There is no such operator.")
}
