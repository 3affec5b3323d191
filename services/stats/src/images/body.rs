//! What is known about pictures, as it is told.

use citytrack_domain::{CameraName, Class, Detection, Slug};
use citytrack_storage::images::{Image, VariantFacts};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Serialize, ToSchema)]
#[schema(as = Images)]
pub(super) struct ImagesBody {
    pub(super) images: Vec<ImageBody>,
    /// For `before`; null when there is no more.
    pub(super) next: Option<String>,
}

/// All that is known about a picture, without the picture.
#[derive(Serialize, ToSchema)]
#[schema(as = Image)]
pub(super) struct ImageBody {
    id: Uuid,
    #[schema(value_type = Slug)]
    venue: String,
    #[schema(value_type = Slug)]
    node: String,
    #[schema(value_type = Option<CameraName>)]
    camera: Option<String>,
    /// By the clock of the node; when it came in, where the sender did not say.
    captured_at: Timestamp,
    received_at: Timestamp,
    transformed_at: Option<Timestamp>,
    saved_at: Option<Timestamp>,
    /// When it is to be deleted.
    kept_until: Timestamp,
    /// The node's own number of the frame.
    frame: Option<i64>,
    /// In pixels, upright.
    width: Option<i32>,
    height: Option<i32>,
    /// What is on it; null: not known.
    boxes: Option<Vec<BoxBody>>,
    #[schema(inline)]
    boxes_from: Option<BoxesFrom>,
    #[schema(inline)]
    state: State,
    /// Why it failed: a stable name.
    reason: Option<String>,
    /// The same in words.
    detail: Option<String>,
    /// What is stored of it.
    variants: Vec<VariantBody>,
}

/// An object on a picture.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageBox)]
struct BoxBody {
    #[schema(value_type = Class)]
    class: String,
    confidence: f32,
    /// Left, top, width, height: parts of the picture.
    #[serde(rename = "box")]
    parts: [f32; 4],
}

#[derive(Serialize, ToSchema)]
#[schema(as = ImageVariant)]
struct VariantBody {
    /// `original` is for operators only.
    #[schema(pattern = "^(thumbnail|annotated|anonymised|original)$")]
    variant: String,
    #[schema(example = "image/jpeg")]
    media_type: String,
    width: i32,
    height: i32,
    bytes: i32,
}

/// 202: the picture is on its way.
#[derive(Serialize, ToSchema)]
#[schema(as = ImageReceipt)]
pub(super) struct Receipt {
    pub(super) id: Uuid,
    #[schema(pattern = "^received$")]
    pub(super) status: &'static str,
}

/// The variants that viewers see.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a parameter")]
pub(super) enum Shown {
    Anonymised,
    Annotated,
    Thumbnail,
}

/// How far a picture is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Received,
    Ready,
    Failed,
    Expired,
}

/// Where the boxes are from; `none`: nobody knows what is on it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum BoxesFrom {
    Upload,
    Detections,
    None,
}

impl From<Image> for ImageBody {
    fn from(image: Image) -> Self {
        let details = image.details;
        let (reason, detail) = image.failure.map(|failure| (failure.code, failure.detail)).unzip();
        let (width, height) = image.size.map(|[width, height]| (width, height)).unzip();
        Self {
            id: details.id.uuid(),
            venue: details.source.venue.to_string(),
            node: details.source.node.to_string(),
            camera: details.camera.map(|camera| camera.to_string()),
            captured_at: details.captured_at,
            received_at: details.received_at,
            transformed_at: image.transformed_at,
            saved_at: image.saved_at,
            kept_until: image.kept_until,
            frame: details.frame,
            width,
            height,
            boxes: image.boxes.map(|boxes| boxes.iter().map(BoxBody::from).collect()),
            boxes_from: image.boxes_from.map(BoxesFrom::from),
            state: image.state.into(),
            reason,
            detail,
            variants: image.variants.into_iter().map(VariantBody::from).collect(),
        }
    }
}

impl From<&Detection> for BoxBody {
    fn from(detection: &Detection) -> Self {
        Self {
            class: detection.class.to_string(),
            confidence: detection.confidence.value(),
            parts: detection.bounding_box.parts(),
        }
    }
}

impl From<VariantFacts> for VariantBody {
    fn from(facts: VariantFacts) -> Self {
        Self {
            variant: facts.variant,
            media_type: facts.media_type,
            width: facts.width,
            height: facts.height,
            bytes: facts.bytes,
        }
    }
}

impl From<citytrack_domain::ImageState> for State {
    fn from(state: citytrack_domain::ImageState) -> Self {
        use citytrack_domain::ImageState;
        match state {
            ImageState::Received => Self::Received,
            ImageState::Ready => Self::Ready,
            ImageState::Failed => Self::Failed,
            ImageState::Expired => Self::Expired,
        }
    }
}

impl From<citytrack_domain::BoxesFrom> for BoxesFrom {
    fn from(from: citytrack_domain::BoxesFrom) -> Self {
        match from {
            citytrack_domain::BoxesFrom::Upload => Self::Upload,
            citytrack_domain::BoxesFrom::Detections => Self::Detections,
            citytrack_domain::BoxesFrom::None => Self::None,
        }
    }
}
