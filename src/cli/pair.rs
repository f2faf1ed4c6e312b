//! `blindmatch pair`: IAB Tech Lab PAIR between an advertiser's and a publisher's clean room.

mod keys;
mod lists;
mod outputs;
mod rooms;

use std::path::PathBuf;

use blindmatch::pair::folder::Owner;
use clap::{Args, Subcommand};

use super::Shared;
use super::args::{ComputeArgs, KeyArgs, LimitArgs, ReadArgs, address};
use super::serving::ServingArgs;

/// IAB Tech Lab PAIR between two clean rooms, an advertiser's and a publisher's.
///
/// Each room is a folder with its keys and its memory of earlier matches. The order of things: `keygen`
/// once on each side; `serve` at the publisher, `connect` at the advertiser; `activate` for the file that
/// the buying platform gets; `map` for the publisher's own; `rotate` every 30 days, and `map` with every
/// change and opt-out, once a day. docs/pair.md has the whole of it.
#[derive(Debug, Args)]
pub struct PairArgs {
    #[command(subcommand)]
    command: PairCommand,
}

#[derive(Debug, Subcommand)]
enum PairCommand {
    /// Make a room: a folder with fresh keys, Ka for an advertiser, Ks and Kp for a publisher
    Keygen(KeygenArgs),
    /// Show a room's keys: digests and dates, never the keys
    Keys(RoomArgs),
    /// Replace keys: those that have expired, unless told otherwise
    Rotate(RotateArgs),
    /// Be the publisher's room: wait for advertisers' rooms and match with each
    Serve(ServeArgs),
    /// Be the advertiser's room: match with a publisher's room over the network
    Connect(ConnectArgs),
    /// Match two lists on this machine, both rooms in one process
    Match(MatchArgs),
    /// Write the publisher's mapping: the Publisher Identifiers of every row, under the keys in use and those
    /// of the last 30 days. Run it with every change of the list and every opt-out
    Map(MapArgs),
    /// Write what the buying platform may use of a match, unless it is older than 30 days
    Activate(ActivateArgs),
}

#[derive(Debug, Args)]
struct RoomArgs {
    /// The room's folder, from `blindmatch pair keygen`
    #[arg(long, value_name = "DIR")]
    room: PathBuf,
}

#[derive(Debug, Args)]
struct KeygenArgs {
    /// Whose room it is: advertiser or publisher
    #[arg(value_parser = owner, value_name = "WHOSE")]
    owner: Owner,
    /// The folder to make; nobody else may read it
    #[arg(long, value_name = "DIR")]
    room: PathBuf,
    /// Take keys over from another room of the same side: a file of lines such as `Ks: ...`, with 32 bytes
    /// in Base64 or hexadecimal. Only the owner may read it
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RotateArgs {
    #[command(flatten)]
    room: RoomArgs,
    /// Replace Ks now, whatever its age (the publisher's room)
    #[arg(long, conflicts_with = "own")]
    ks: bool,
    /// Replace Ka or Kp now, whatever its age. Counterparties refuse a key that changed before its time
    /// until they have removed their record of this room
    #[arg(long)]
    own: bool,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    room: RoomArgs,
    /// The publisher's list: CSV (also gzip or zstd) or Parquet
    #[arg(long = "list", value_name = "FILE")]
    path: PathBuf,
    /// Address to listen on, HOST:PORT; port 0 takes a free one
    #[arg(long, value_parser = address, value_name = "ADDR")]
    listen: String,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    list: ReadArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    serving: ServingArgs,
    /// Folder for results: evidence and match rate of each session
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    results: Option<PathBuf>,
    #[command(flatten)]
    compute: ComputeArgs,
}

#[derive(Debug, Args)]
struct ConnectArgs {
    #[command(flatten)]
    room: RoomArgs,
    /// The advertiser's list: CSV (also gzip or zstd) or Parquet
    #[arg(long = "list", value_name = "FILE")]
    path: PathBuf,
    /// The address of the publisher's room, HOST:PORT
    #[arg(long, value_parser = address, value_name = "ADDR")]
    peer: String,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    list: ReadArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    compute: ComputeArgs,
}

#[derive(Debug, Args)]
struct MatchArgs {
    /// The advertiser's list: CSV (also gzip or zstd) or Parquet
    #[arg(long, value_name = "FILE")]
    advertiser: PathBuf,
    /// The advertiser's room
    #[arg(long, value_name = "DIR")]
    advertiser_room: PathBuf,
    /// The publisher's list
    #[arg(long, value_name = "FILE")]
    publisher: PathBuf,
    /// The publisher's room
    #[arg(long, value_name = "DIR")]
    publisher_room: PathBuf,
    #[command(flatten)]
    what: WhatArgs,
    #[command(flatten)]
    list: ReadArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Write the publisher's evidence for the four design goals here, as Markdown
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    publisher_evidence: Option<PathBuf>,
    #[command(flatten)]
    compute: ComputeArgs,
}

/// What a session is for.
#[derive(Clone, Debug, Args)]
struct WhatArgs {
    /// Take people who opted out, of either list, out of the last match with this counterparty: who came
    /// since is left out, nobody is told a match rate, and the match keeps its end. Once a day
    #[arg(long)]
    opt_out: bool,
}

/// Where the advertiser's answer goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
struct OutputArgs {
    /// Write the matched Publisher Identifiers here, as CSV; `blindmatch pair activate` takes them from it
    /// for 30 days
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    /// Write the evidence for the four design goals here, as Markdown
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct MapArgs {
    #[command(flatten)]
    room: RoomArgs,
    /// The publisher's list: CSV (also gzip or zstd) or Parquet
    #[arg(long = "list", value_name = "FILE")]
    path: PathBuf,
    #[command(flatten)]
    list: ReadArgs,
    /// Write the mapping here, as CSV. One that is there is replaced and compared with
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    output: PathBuf,
    /// Add the Publisher Identifiers here that were in the mapping before and are gone, for the buying
    /// platform to forget. One that is there keeps what it has until that is out of use
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    withdrawn: Option<PathBuf>,
    #[command(flatten)]
    compute: ComputeArgs,
}

#[derive(Debug, Args)]
struct ActivateArgs {
    /// The matched Publisher Identifiers, from `blindmatch pair connect --ids`
    #[arg(long, value_name = "FILE")]
    ids: PathBuf,
    /// Publisher Identifiers to leave out, from `blindmatch pair map --withdrawn` (may be given several
    /// times)
    #[arg(long, value_name = "FILE")]
    withdrawn: Vec<PathBuf>,
    /// Write the buying platform's file here, one Publisher Identifier a line under a header
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

impl PairArgs {
    /// Threads to compute on, where they are limited.
    pub fn threads(&self) -> Option<usize> {
        let compute = match &self.command {
            PairCommand::Serve(args) => &args.compute,
            PairCommand::Connect(args) => &args.compute,
            PairCommand::Match(args) => &args.compute,
            PairCommand::Map(args) => &args.compute,
            _ => return None,
        };
        compute.threads.threads
    }

    /// Whether it is a server, which logs more.
    pub fn serves(&self) -> bool {
        matches!(self.command, PairCommand::Serve(_))
    }
}

pub fn run(args: &PairArgs, shared: &Shared) -> blindmatch::Result<()> {
    match &args.command {
        PairCommand::Keygen(args) => keys::keygen(args, shared),
        PairCommand::Keys(args) => keys::show(args, shared),
        PairCommand::Rotate(args) => keys::rotate(args, shared),
        PairCommand::Serve(args) => rooms::serve(args, shared),
        PairCommand::Connect(args) => rooms::connect(args, shared),
        PairCommand::Match(args) => rooms::match_here(args, shared),
        PairCommand::Map(args) => outputs::map(args, shared),
        PairCommand::Activate(args) => outputs::activate(args, shared),
    }
}

/// What to do about terms that differ, by the name of the field.
pub fn remedy(field: &str) -> Option<&'static str> {
    Some(match field {
        "ciphersuite" => "one side runs `blindmatch pair`, the other another protocol",
        "Ks" => "the publisher rotates: `blindmatch pair rotate`",
        "Kp" | "Ka" => "the peer rotates: `blindmatch pair rotate`",
        "the peer's key" => {
            "ask the peer why its key changed before its time; if there is a reason, remove its record from \
             the room's folder `records`"
        }
        "a key's date" => {
            "a key lasts from when it was made, wherever it is imported; the peer rotates it"
        }
        "smallest list" => "PAIR takes lists of 1000 entries or more, on both sides",
        "difference to an earlier list" => {
            "two lists that differ in a few people tell about them; match again once 50 or more have \
             changed, or take opt-outs out with --opt-out"
        }
        "number of lists in 30 days" => {
            "match one of them again, or wait until the first is 30 days old"
        }
        _ => return None,
    })
}

fn owner(text: &str) -> Result<Owner, String> {
    let all = [Owner::Advertiser, Owner::Publisher];
    let found = all.into_iter().find(|owner| owner.name() == text);
    found.ok_or_else(|| "advertiser or publisher".into())
}
