//! Who is logged in.

use std::future::{Ready, ready};

use actix_session::{Session, SessionExt as _};
use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    error::{ErrorForbidden, ErrorInternalServerError, ErrorUnauthorized},
    web::{Data, Json},
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::{Deserialize, Serialize};
use sockeye::SocketIo;

/// A user who is logged in; an argument of handlers, which answer 401 without one.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    role: Option<String>,
    session: String,
}

impl User {
    pub(crate) fn of(session: &Session) -> Option<Self> {
        session.get(KEY).ok().flatten()
    }

    /// Returns the rooms of the user's sockets.
    pub(crate) fn rooms(&self) -> Vec<String> {
        let mut rooms = vec![self.id.clone(), self.session.clone(), "ALL".to_owned()];
        if self.role.as_deref() == Some("ADMIN") {
            rooms.push("ADMIN".to_owned());
        }
        rooms
    }
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user = Self::of(&request.get_session());
        ready(user.ok_or_else(|| ErrorUnauthorized("unauthorized")))
    }
}

#[derive(Deserialize)]
pub(crate) struct Login {
    token: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    role: Option<String>,
}

pub(crate) async fn log_in(
    session: Session,
    login: Json<Login>,
    key: Data<DecodingKey>,
) -> actix_web::Result<HttpResponse> {
    let token = decode::<Claims>(&login.token, &key, &Validation::new(Algorithm::HS256))
        .map_err(|_| ErrorUnauthorized("unauthorized"))?;
    let Claims { sub: id, role } = token.claims;
    // A user's id is a room: nobody may be called as those which are for others.
    if ["ALL", "ADMIN"].contains(&id.as_str()) {
        return Err(ErrorForbidden("forbidden"));
    }
    let session_id = random_id().map_err(ErrorInternalServerError)?;
    let user = User {
        id,
        role,
        session: session_id,
    };
    session.renew();
    session.insert(KEY, &user)?;
    Ok(HttpResponse::Ok().json(user))
}

/// Ends the session, and disconnects its sockets.
pub(crate) async fn log_out(io: SocketIo, user: User, session: Session) -> HttpResponse {
    session.purge();
    io.to(user.session).disconnect(true).await;
    HttpResponse::NoContent().finish()
}

fn random_id() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("session-{:032x}", u128::from_ne_bytes(bytes)))
}

const KEY: &str = "user";
