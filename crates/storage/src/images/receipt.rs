//! A picture that is on its way.

use citytrack_domain::ImageDetails;

use crate::{Database, Error};

/// Notes that a picture was received. What is known about it already stays as it is. The note is not waited for until it is on disk: the
/// picture is safe with the broker, and will say itself what became of it.
///
/// # Errors
/// When PostgreSQL is away or refuses.
pub async fn receipt(database: &Database, image: &ImageDetails) -> Result<(), Error> {
    let insert = "
        insert into image (id, venue, node_id, camera, captured_at, received_at, frame, media_type, state)
        select $1::uuid, $2::text, $3::uuid, $4::text, $5::timestamptz, $6::timestamptz, $7::bigint, $8::text, 'received'
        from set_config('synchronous_commit', 'off', true)
        on conflict do nothing";
    let client = database.client().await?;
    let (source, camera) = (&image.source, image.camera.as_ref().map(ToString::to_string));
    let insert = client.prepare_cached(insert).await?;
    client
        .execute(
            &insert,
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
