//! Users, their sockets and their chatrooms, in SQLite.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{error::BlockingError, web};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _, password_hash};
use rusqlite::{Connection, OptionalExtension as _, params};

/// A handle of the database; cloning is cheap. Every query runs on a thread that may block.
#[derive(Clone)]
pub(crate) struct Store {
    connection: Arc<Mutex<Connection>>,
    /// What is compared for unknown users, so that they take as long to refuse as known ones.
    nobody: Arc<str>,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error("hashing: {0}")]
    Hash(#[from] password_hash::Error),
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
    #[error(transparent)]
    Blocking(#[from] BlockingError),
}

impl Store {
    /// Opens a database and creates what is missing in it; `:memory:` is one that isn't kept.
    pub(crate) fn open(path: &str) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            nobody: hash(&random_key()?)?.into(),
        })
    }

    /// Adds a user and returns its secret key, unless there is one of that id.
    pub(crate) async fn register(&self, user: &str) -> Result<Option<String>, StoreError> {
        let key = random_key()?;
        let hashed = web::block({
            let key = key.clone();
            move || hash(&key)
        });
        let row = params_of([user, &hashed.await??]);
        self.run(move |database| {
            let statement = "INSERT OR IGNORE INTO users (id, key_hash) VALUES (?, ?)";
            let added = database.execute(statement, row)?;
            Ok((added == 1).then_some(key))
        })
        .await
    }

    /// Returns whether that is the user's secret key.
    pub(crate) async fn is_key_of(&self, key: &str, user: &str) -> Result<bool, StoreError> {
        let id = params_of([user]);
        let stored: Option<String> = self
            .run(move |database| {
                let query = "SELECT key_hash FROM users WHERE id = ?";
                let found = database.query_row(query, id, |row| row.get(0));
                Ok(found.optional()?)
            })
            .await?;
        let (key, nobody) = (key.to_owned(), self.nobody.clone());
        // Slow on purpose, so not while the database is held.
        web::block(move || {
            let hash = stored.as_deref().unwrap_or(&nobody);
            match Argon2::default().verify_password(key.as_bytes(), hash) {
                Ok(()) => Ok(stored.is_some()),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await?
    }

    pub(crate) async fn exists(&self, user: &str) -> Result<bool, StoreError> {
        let [user] = params_of([user]);
        self.run(move |database| is_user(database, &user)).await
    }

    pub(crate) async fn add_socket(&self, socket: &str, user: &str) -> Result<(), StoreError> {
        let row = params_of([socket, user]);
        self.run(move |database| {
            database.execute("INSERT INTO sockets (id, user) VALUES (?, ?)", row)?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn remove_socket(&self, socket: &str) -> Result<(), StoreError> {
        let id = params_of([socket]);
        self.run(move |database| {
            database.execute("DELETE FROM sockets WHERE id = ?", id)?;
            Ok(())
        })
        .await
    }

    /// Returns the ids of a user's sockets, the oldest first.
    pub(crate) async fn sockets_of(&self, user: &str) -> Result<Vec<String>, StoreError> {
        let user = params_of([user]);
        self.run(move |database| {
            let query = "SELECT id FROM sockets WHERE user = ? ORDER BY rowid";
            let mut query = database.prepare_cached(query)?;
            let ids = query.query_map(user, |row| row.get(0))?;
            Ok(ids.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Returns whether that is new.
    pub(crate) async fn follow(&self, follower: &str, followed: &str) -> Result<bool, StoreError> {
        let row = params_of([follower, followed]);
        self.run(move |database| {
            let statement = "INSERT OR IGNORE INTO follows (follower, followed) VALUES (?, ?)";
            Ok(database.execute(statement, row)? == 1)
        })
        .await
    }

    /// Returns the new chatroom's id and members, each once, unless one of them is no user.
    pub(crate) async fn create_chatroom(
        &self,
        mut members: Vec<String>,
    ) -> Result<Option<(i64, Vec<String>)>, StoreError> {
        members.sort();
        members.dedup();
        self.run(move |database| {
            let transaction = database.transaction()?;
            transaction.execute("INSERT INTO chatrooms DEFAULT VALUES", [])?;
            let id = transaction.last_insert_rowid();
            for member in &members {
                if !is_user(&transaction, member)? {
                    return Ok(None);
                }
                let statement = "INSERT INTO members (chatroom, user) VALUES (?, ?)";
                transaction.execute(statement, params![id, member])?;
            }
            transaction.commit()?;
            Ok(Some((id, members)))
        })
        .await
    }

    pub(crate) async fn members_of(&self, chatroom: i64) -> Result<Vec<String>, StoreError> {
        self.run(move |database| {
            let mut query =
                database.prepare_cached("SELECT user FROM members WHERE chatroom = ?")?;
            let members = query.query_map([chatroom], |row| row.get(0))?;
            Ok(members.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = self.connection.clone();
        // After a panic nothing is half done: an unfinished transaction has been rolled back.
        web::block(move || query(&mut connection.lock().unwrap_or_else(PoisonError::into_inner)))
            .await?
    }
}

/// Owns the parameters of a query, which runs on another thread.
fn params_of<const N: usize>(texts: [&str; N]) -> [String; N] {
    texts.map(str::to_owned)
}

fn is_user(database: &Connection, id: &str) -> Result<bool, StoreError> {
    let mut query = database.prepare_cached("SELECT 1 FROM users WHERE id = ?")?;
    Ok(query.exists([id])?)
}

fn hash(key: &str) -> Result<String, password_hash::Error> {
    Ok(Argon2::default().hash_password(key.as_bytes())?.to_string())
}

fn random_key() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut key, byte| {
        // Writing to a `String` can't fail.
        let _ = write!(key, "{byte:02x}");
        key
    }))
}

/// The sockets of an earlier run are gone.
const SCHEMA: &str = "
    PRAGMA foreign_keys = ON;
    CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, key_hash TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS sockets (
        id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users
    );
    CREATE INDEX IF NOT EXISTS sockets_by_user ON sockets (user);
    CREATE TABLE IF NOT EXISTS follows (
        follower TEXT NOT NULL REFERENCES users, followed TEXT NOT NULL REFERENCES users,
        PRIMARY KEY (follower, followed)
    );
    CREATE TABLE IF NOT EXISTS chatrooms (id INTEGER PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS members (
        chatroom INTEGER NOT NULL REFERENCES chatrooms, user TEXT NOT NULL REFERENCES users,
        PRIMARY KEY (chatroom, user)
    );
    DELETE FROM sockets;
";
