//! Operators' accounts, for admins: `/api/operators`.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};

use crate::{
    actors::clock,
    domain::{OperatorId, Role, UnixMs},
    http::{
        Web,
        auth::{AccountChange, NewAccount, SignedIn},
        problem::Problem,
    },
    store::models::Account,
};

/// `POST /api/operators`.
#[derive(Deserialize)]
pub(super) struct Creation {
    name: String,
    role: Role,
    password: Option<String>,
}

/// `PATCH /api/operators/{id}`.
#[derive(Deserialize)]
pub(super) struct Change {
    role: Option<Role>,
    password: Option<String>,
    disabled: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountView {
    id: OperatorId,
    name: String,
    role: Role,
    disabled: bool,
    has_password: bool,
    created_at: UnixMs,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.operator.id,
            name: account.operator.name,
            role: account.operator.role,
            disabled: account.disabled,
            has_password: account.password_hash.is_some(),
            created_at: account.created_at,
        }
    }
}

/// All of them, by name.
pub(super) async fn list(web: Data<Web>, signed_in: SignedIn) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_operators()?;
    let accounts: Vec<AccountView> = web
        .accounts
        .list()
        .await?
        .into_iter()
        .map(AccountView::from)
        .collect();
    Ok(HttpResponse::Ok().json(accounts))
}

/// Makes one.
pub(super) async fn create(
    web: Data<Web>,
    signed_in: SignedIn,
    Json(Creation {
        name,
        role,
        password,
    }): Json<Creation>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_operators()?;
    let account = web
        .accounts
        .create(
            clock::utc(),
            NewAccount {
                name,
                role,
                password,
            },
        )
        .await?;
    tracing::info!(by = %signed_in.operator.id, operator.id = %account.operator.id, "operator made");
    Ok(HttpResponse::Created().json(AccountView::from(account)))
}

/// Changes one.
pub(super) async fn change(
    web: Data<Web>,
    signed_in: SignedIn,
    id: Path<OperatorId>,
    Json(Change {
        role,
        password,
        disabled,
    }): Json<Change>,
) -> Result<HttpResponse, Problem> {
    signed_in.may_edit_operators()?;
    let change = AccountChange {
        role,
        password,
        disabled,
    };
    let account = web
        .accounts
        .change(clock::utc(), id.into_inner(), change)
        .await?;
    tracing::info!(by = %signed_in.operator.id, operator.id = %account.operator.id, "operator changed");
    Ok(HttpResponse::Ok().json(AccountView::from(account)))
}
