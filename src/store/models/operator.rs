//! Operators who have an account here.

use diesel::prelude::*;

use super::{BadRow, key, known, parse};
use crate::{
    domain::{Operator, Role, UnixMs},
    store::schema::operators,
};

/// An operator's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Who and what they are.
    pub operator: Operator,
    /// PHC string; `None` for those who sign in by a link or elsewhere.
    pub password_hash: Option<String>,
    /// May not sign in.
    pub disabled: bool,
    /// When it was made.
    pub created_at: UnixMs,
}

/// A row of `operators`. Never journaled: it holds the password's hash.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = operators, treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct OperatorRow {
    id: String,
    name: String,
    name_folded: String,
    role: String,
    password_hash: Option<String>,
    disabled: bool,
    created_at: i64,
}

/// The form of a name by which two names are the same: without regard to case and to space around
/// it.
pub(in crate::store) fn folded(name: &str) -> String {
    key(&name.trim().to_lowercase())
}

impl From<&Account> for OperatorRow {
    fn from(account: &Account) -> Self {
        Self {
            id: account.operator.id.to_string(),
            name: key(&account.operator.name),
            name_folded: folded(&account.operator.name),
            role: account.operator.role.label().to_owned(),
            password_hash: account.password_hash.clone(),
            disabled: account.disabled,
            created_at: account.created_at.0,
        }
    }
}

impl TryFrom<OperatorRow> for Account {
    type Error = BadRow;

    fn try_from(row: OperatorRow) -> Result<Self, BadRow> {
        Ok(Self {
            operator: Operator {
                id: parse(&row.id, &row.id, "id")?,
                role: known(Role::from_label(&row.role), &row.id, "role")?,
                name: row.name,
            },
            password_hash: row.password_hash,
            disabled: row.disabled,
            created_at: UnixMs(row.created_at),
        })
    }
}
