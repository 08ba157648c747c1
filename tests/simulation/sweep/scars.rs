//! Accidents that others had with programs of this kind. Each test names the one that it keeps from
//! happening here.

mod others;
mod runners;
