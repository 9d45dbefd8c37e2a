//! Operators' accounts.

use diesel::prelude::*;

use super::LIST_ROWS_MAX;
use crate::store::{
    connection::AnyConnection,
    models::{Account, OperatorRow, folded, readable},
    schema::operators,
};

/// All accounts, by name.
pub fn list_accounts(connection: &mut AnyConnection) -> QueryResult<Vec<Account>> {
    let rows: Vec<OperatorRow> = operators::table
        .order(operators::name_folded)
        .limit(LIST_ROWS_MAX)
        .select(OperatorRow::as_select())
        .load(connection)?;
    Ok(readable(rows))
}

/// The account under this name, upper or lower case.
pub fn operator_by_name(
    connection: &mut AnyConnection,
    name: &str,
) -> QueryResult<Option<Account>> {
    let found: Option<OperatorRow> = operators::table
        .filter(operators::name_folded.eq(folded(name)))
        .select(OperatorRow::as_select())
        .first(connection)
        .optional()?;
    Ok(found.map(Account::try_from).transpose()?)
}

/// Adds an account. A name that is taken, upper or lower case, is a unique violation.
pub fn insert_account(connection: &mut AnyConnection, account: &Account) -> QueryResult<()> {
    diesel::insert_into(operators::table)
        .values(OperatorRow::from(account))
        .execute(connection)?;
    Ok(())
}

/// Changes an account, by its id; `false` when there is none.
pub fn update_account(connection: &mut AnyConnection, account: &Account) -> QueryResult<bool> {
    let row = OperatorRow::from(account);
    let changed = diesel::update(operators::table.find(account.operator.id.to_string()))
        .set(&row)
        .execute(connection)?;
    Ok(changed > 0)
}
