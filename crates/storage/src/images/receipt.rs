//! A picture that is on its way.

use citytrack_domain::ImageDetails;

use crate::{Database, Error};

/// Notes that a picture was received. What is known about it already stays as it is.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn receipt(database: &Database, image: &ImageDetails) -> Result<(), Error> {
    let insert = "
        insert into image (id, venue, node_id, camera, captured_at, received_at, frame, media_type, state)
        values ($1, $2, $3, $4, $5, $6, $7, $8, 'received')
        on conflict do nothing";
    let client = database.client().await?;
    let (source, camera) = (&image.source, image.camera.as_ref().map(ToString::to_string));
    client
        .execute(
            insert,
            &[
                &image.id.uuid(),
                &source.venue.as_str(),
                &source.id,
                &camera,
                &image.captured_at,
                &image.received_at,
                &image.frame,
                &image.media_type,
            ],
        )
        .await?;
    Ok(())
}
