export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
      <rect class="logo-ground" width="32" height="32" rx="7" />
      <path class="logo-line" d="M7 12V7h5M20 7h5v5M25 20v5h-5M12 25H7v-5" />
      <circle class="logo-dot" cx="16" cy="16" r="3.6" />
    </svg>
  );
}
