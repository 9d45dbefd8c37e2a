//! The database and the data directory.

use crate::{check::Finding, config::Config, store};

pub(super) fn database(config: &Config) -> Finding {
    let shown = config.books.shown();
    let url: store::DatabaseUrl = match config.books.database_url.parse() {
        Ok(url) => url,
        Err(error) => return Finding::Wrong(format!("{error}.")),
    };
    if let store::DatabaseUrl::SqliteFile(path) = &url
        && !path.exists()
    {
        return match path.parent().map(std::fs::create_dir_all) {
            Some(Err(error)) => Finding::Wrong(format!(
                "DATABASE_URL: cannot make the directory of {shown} ({error})."
            )),
            Some(Ok(())) | None => Finding::Good(format!(
                "The database {shown} will be made at the first start."
            )),
        };
    }
    match store::open_pool(url).get() {
        Ok(_) => Finding::Good(format!("The database {shown} can be reached.")),
        Err(error) => Finding::Wrong(format!("The database {shown} cannot be reached: {error}.")),
    }
}

pub(super) fn data_dir(config: &Config) -> Finding {
    let dir = &config.data_dir;
    let probe = dir.join(".check");
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&probe, b""))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => Finding::Good(format!("DATA_DIR {} can be written.", dir.display())),
        Err(error) => Finding::Wrong(format!(
            "DATA_DIR {} cannot be written: {error}.",
            dir.display()
        )),
    }
}
