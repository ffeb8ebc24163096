"""Python that writes dashboards/ and alerts/."""
