export interface OurActivities {
  announce(location: string, resources: number): Promise<string>;
}

export const ourActivities: OurActivities = {
  announce: async (location, resources) => `${resources} resources in ${location}`,
};
