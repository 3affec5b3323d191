import { getPicture, type ImageDetails, type Variant } from "../api/images";
import { Boxes, Labels } from "./Boxes";
import { usePicture } from "./usePicture";
import "./pictures.css";

interface Props {
  image: ImageDetails;
  variant: Variant;
  /** What it shows, for people who do not see it; empty where that stands beside it. */
  alt: string;
  /** Draws the boxes over the picture. */
  hasBoxes: boolean;
  /** Says at each box what it is. */
  hasLabels?: boolean;
}

/** A picture that is ready, loaded with the viewer's token, with its boxes over it. */
export function Picture({ image, variant, alt, hasBoxes, hasLabels = false }: Props) {
  const load = (signal: AbortSignal) => getPicture(image.id, variant, signal);
  const { address, error, reload } = usePicture(load, [image.id, variant]);
  const { boxes, width, height } = image;
  if (error) {
    return (
      <div class="picture-missing" role="alert">
        <p>{error.message}</p>
        {/* In a gallery the picture is a link, which cannot hold a button. */}
        {hasLabels && (
          <button type="button" class="quiet small" onClick={reload}>
            Try again
          </button>
        )}
      </div>
    );
  }
  if (!address) return <div class="picture-loading placeholder" aria-busy="true" />;
  return (
    <>
      <img src={address} alt={alt} />
      {hasBoxes && boxes && width && height && <Boxes boxes={boxes} width={width} height={height} />}
      {hasBoxes && boxes && hasLabels && <Labels boxes={boxes} />}
    </>
  );
}
