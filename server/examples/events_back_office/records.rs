//! The controllers: each says what has happened, and who is to be told if it has.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    HttpResponse, Responder,
    web::{Data, Json, Path},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sockeye::{Notification, NotificationError, Notify};

use super::User;

/// What has happened, and which rooms are told: a socket in several of them once.
struct News {
    message: String,
    event: Event,
    to: Vec<String>,
}

enum Event {
    New,
    Changed,
    Deleted,
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::New => "NEW_RECORD",
            Self::Changed => "CHANGED_RECORD",
            Self::Deleted => "DELETED_RECORD",
        }
    }
}

impl News {
    fn notification(self) -> Result<Notification, NotificationError> {
        let args = json!({"message": self.message});
        Ok(Notification::new(self.event.name(), &args)?.to(self.to))
    }
}

pub(crate) async fn create(
    user: User,
    draft: Json<Draft>,
    records: Data<Records>,
) -> Result<impl Responder, NotificationError> {
    let record = records.add(draft.into_inner());
    let news = News {
        message: format!("{} has added {:?}", user.id, record.title),
        event: Event::New,
        to: vec!["ALL".to_owned()],
    };
    Ok(HttpResponse::Created()
        .json(record)
        .notify(news.notification()?))
}

pub(crate) async fn change(
    user: User,
    id: Path<u64>,
    draft: Json<Draft>,
    records: Data<Records>,
) -> Result<impl Responder, NotificationError> {
    let draft = draft.into_inner();
    let news = News {
        message: format!("{} has changed {id} to {:?}", user.id, draft.title),
        event: Event::Changed,
        to: vec![user.id, "ADMIN".to_owned()],
    };
    let response = match records.change(*id, draft) {
        Some(record) => HttpResponse::Ok().json(record),
        None => HttpResponse::NotFound().finish(),
    };
    Ok(response.notify(news.notification()?))
}

pub(crate) async fn remove(
    user: User,
    id: Path<u64>,
    records: Data<Records>,
) -> Result<impl Responder, NotificationError> {
    let news = News {
        message: format!("{} has deleted {id}", user.id),
        event: Event::Deleted,
        to: vec![user.id, "ADMIN".to_owned()],
    };
    let response = match records.remove(*id) {
        Some(_) => HttpResponse::NoContent(),
        None => HttpResponse::NotFound(),
    }
    .finish();
    Ok(response.notify(news.notification()?))
}

#[derive(Deserialize)]
pub(crate) struct Draft {
    title: String,
}

#[derive(Clone, Serialize)]
pub(crate) struct Record {
    id: u64,
    title: String,
}

/// The records, kept for as long as the process runs.
#[derive(Default)]
pub(crate) struct Records(Mutex<BTreeMap<u64, Record>>);

impl Records {
    fn add(&self, Draft { title }: Draft) -> Record {
        let mut records = self.lock();
        let id = records.last_key_value().map_or(1, |(last, _)| last + 1);
        let record = Record { id, title };
        records.insert(id, record.clone());
        record
    }

    fn change(&self, id: u64, Draft { title }: Draft) -> Option<Record> {
        let mut records = self.lock();
        let record = records.get_mut(&id)?;
        record.title = title;
        Some(record.clone())
    }

    fn remove(&self, id: u64) -> Option<Record> {
        self.lock().remove(&id)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
