//! A social network's live part, on users in SQLite.
//!
//! `POST /users` `{id}` registers a user and answers its secret key, of which only a hash is kept. A
//! client emits `initialConnection` `{id, secretkey}` and is answered `auth` `true`, or `false` and
//! dropped. It may then `follow`, `createChatroom` and `say`; the sockets of exactly the users
//! concerned receive `Followed`, `chatroom` and `updatedChat`. `GET /users/{id}/sockets` tells which
//! sockets a user has.
//!
//! ```sh
//! DATABASE=network.sqlite cargo run -p sockeye --example social_network
//! curl localhost:3000/users -H 'Content-Type: application/json' -d '{"id": "ann"}'
//! ```
//!
//! `PORT` is 3000 by default. Without `DATABASE`, everything is gone at the end.

mod store;

use std::{env, error::Error, time::Duration};

use actix_web::{
    App, HttpResponse,
    error::{ErrorConflict, ErrorInternalServerError},
    web,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sockeye::{
    Args, Auth, AuthError, Credentials, Dialect, EmitError, FrontServer, HandlerError, Identity,
    Namespace, Refusal, Reply, SocketIo, SocketRef, State, Verifier,
};

use self::store::{Store, StoreError};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::open(&env::var("DATABASE").unwrap_or_else(|_| {
        eprintln!("DATABASE is not set: everything is gone at the end");
        ":memory:".to_owned()
    }))?;
    let auth = Auth::new(verifier(store.clone()))
        .dialect(Dialect::initial_connection())
        .rooms([USER_ROOM.parse()?]);
    let io = SocketIo::builder()
        .state(store.clone())
        .namespace(
            Namespace::new("/")
                .auth(auth)
                .on_authenticated(came)
                .on_disconnect(went)
                .on("follow", follow)
                .on("createChatroom", create_chatroom)
                .on("say", say),
        )
        .build()?;

    let port = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let mounted = io.clone();
    let server = FrontServer::new(move || {
        App::new()
            .configure(mounted.mount())
            .app_data(web::Data::new(store.clone()))
            .route("/users", web::post().to(register))
            .route("/users/{id}/sockets", web::get().to(sockets))
    })
    .shutdown_signal(io.close_on_signal(Duration::from_secs(5)))
    .bind(("127.0.0.1", port))?;
    println!("listening on http://{}", server.addrs()[0]);
    server.run().await?;
    Ok(())
}

#[derive(Deserialize)]
struct NewUser {
    id: String,
}

async fn register(
    store: web::Data<Store>,
    user: web::Json<NewUser>,
) -> actix_web::Result<HttpResponse> {
    let id = user.into_inner().id;
    let key = store.register(&id).await;
    let key = key.map_err(ErrorInternalServerError)?;
    let key = key.ok_or_else(|| ErrorConflict("there is a user of that id"))?;
    Ok(HttpResponse::Created().json(json!({"id": id, "secretkey": key})))
}

async fn sockets(
    store: web::Data<Store>,
    user: web::Path<String>,
) -> actix_web::Result<HttpResponse> {
    let sockets = store.sockets_of(&user).await;
    Ok(HttpResponse::Ok().json(sockets.map_err(ErrorInternalServerError)?))
}

fn verifier(store: Store) -> impl Verifier {
    move |credentials: Credentials| {
        let store = store.clone();
        async move {
            let id = credentials.id().ok_or(AuthError::Unauthorized)?;
            match store.is_key_of(credentials.token(), id).await {
                Ok(true) => Ok(Identity::new(id)),
                Ok(false) => Err(AuthError::Unauthorized),
                Err(error) => {
                    eprintln!("the store has failed: {error}");
                    Err(AuthError::Internal)
                }
            }
        }
    }
}

async fn came(socket: SocketRef, user: Identity, store: State<Store>) -> Result<(), StoreError> {
    store
        .add_socket(socket.id().as_str(), user.subject())
        .await?;
    // While that was written the client may have gone, and `went` been faster.
    if !socket.is_connected() {
        store.remove_socket(socket.id().as_str()).await?;
    }
    Ok(())
}

async fn went(socket: SocketRef, store: State<Store>) -> Result<(), StoreError> {
    store.remove_socket(socket.id().as_str()).await
}

async fn follow(
    socket: SocketRef,
    user: Identity,
    Args((followed,)): Args<(String,)>,
    store: State<Store>,
) -> Result<Reply<&'static str>, HandlerError> {
    if !store.exists(&followed).await? {
        return Err(Refusal::new("there is no such user").into());
    }
    if store.follow(user.subject(), &followed).await? {
        let news = json!({"by": user.subject()});
        tell(&socket, &[followed], "Followed", &news)?;
    }
    Ok(Reply("followed"))
}

#[derive(Deserialize)]
struct NewChatroom {
    members: Vec<String>,
}

async fn create_chatroom(
    socket: SocketRef,
    user: Identity,
    Args((wanted,)): Args<(NewChatroom,)>,
    store: State<Store>,
) -> Result<Reply<i64>, HandlerError> {
    let mut members = wanted.members;
    members.push(user.subject().to_owned());
    let created = store.create_chatroom(members).await?;
    let (id, members) = created.ok_or_else(|| Refusal::new("there is no such user"))?;
    let news = json!({"id": id, "members": members});
    tell(&socket, &members, "chatroom", &news)?;
    Ok(Reply(id))
}

#[derive(Deserialize)]
struct Message {
    chatroom: i64,
    text: String,
}

async fn say(
    socket: SocketRef,
    user: Identity,
    Args((message,)): Args<(Message,)>,
    store: State<Store>,
) -> Result<Reply<&'static str>, HandlerError> {
    let members = store.members_of(message.chatroom).await?;
    if !members.iter().any(|member| member == user.subject()) {
        return Err(Refusal::new("not your chatroom").into());
    }
    let news = json!({
        "chatroom": message.chatroom,
        "from": user.subject(),
        "text": message.text,
    });
    tell(&socket, &members, "updatedChat", &news)?;
    Ok(Reply("said"))
}

/// Emits to every socket of these users.
fn tell(socket: &SocketRef, users: &[String], event: &str, news: &Value) -> Result<(), EmitError> {
    let room_of = |user: &String| USER_ROOM.replace("{sub}", user);
    let rooms: Vec<_> = users.iter().map(room_of).collect();
    socket.namespace().to(rooms).emit(event, news)
}

/// All sockets of a user are in one room, so none is missed that comes while an event goes out.
const USER_ROOM: &str = "user:{sub}";
